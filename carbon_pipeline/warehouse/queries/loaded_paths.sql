-- What need not be read again: landed records by their name, files of the inbox by their name and what tells a change.
SELECT source_file, arg_max(fingerprint, loaded_at)
FROM raw.loaded_file
WHERE format = 'record' OR fingerprint IS NOT NULL
GROUP BY source_file;
