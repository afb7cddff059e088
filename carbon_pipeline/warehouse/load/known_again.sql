-- Files whose content has been loaded before, under this name or another: all of their rows are known.
INSERT INTO raw.loaded_file (source_file, sha256, format, rows_read, rows_loaded, rows_superseded, rows_quarantined)
SELECT $source_file, sha256, format, rows_read, 0, rows_loaded + rows_superseded, rows_quarantined
FROM raw.loaded_file
WHERE sha256 = $sha256
LIMIT 1
ON CONFLICT DO NOTHING;
