SELECT
    sha256,
    arg_min(rows_read, loaded_at) AS rows_read,
    arg_min(rows_quarantined, loaded_at) AS rows_quarantined,
    arg_min(note, loaded_at) AS note,
    list(source_file) AS names
FROM raw.loaded_file
WHERE sha256 IN (SELECT unnest($sha256)) AND format <> 'refused'
GROUP BY sha256;
