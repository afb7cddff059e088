SELECT file.source_file, file.rows_read, file.rows_loaded, file.rows_superseded, file.rows_quarantined
FROM raw.loaded_file AS file
WHERE file.rows_read <> file.rows_loaded + file.rows_superseded + file.rows_quarantined
    OR file.rows_loaded + file.rows_superseded > (SELECT count(*) FROM raw.record AS r WHERE r.source_file = file.source_file)
    OR file.rows_quarantined > (SELECT count(*) FROM raw.quarantine AS q WHERE q.source_file = file.source_file);
