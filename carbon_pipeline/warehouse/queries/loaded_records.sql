SELECT source_file
FROM raw.loaded_file
WHERE format = 'record' AND file_no NOT IN (SELECT file_no FROM raw.quarantine);
