INSERT INTO raw.loaded_file (source_file, sha256, format, rows_read, rows_loaded, rows_superseded, rows_quarantined)
SELECT
    file.source_file, file.sha256, file.format, file.rows_read,
    coalesce(loaded.rows, 0), file.rows_read - coalesce(loaded.rows, 0) - coalesce(quarantined.rows, 0), coalesce(quarantined.rows, 0)
FROM inbox_file AS file
LEFT JOIN (SELECT source_file, count(*) AS rows FROM best GROUP BY ALL) AS loaded USING (source_file)
LEFT JOIN (SELECT source_file, count(*) AS rows FROM refused GROUP BY ALL) AS quarantined USING (source_file);
