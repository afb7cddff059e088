-- Files whose content has been loaded before, under one name or several.
SELECT
    first.sha256,
    first.file_no,
    first.rows_read,
    (SELECT count(*) FROM raw.quarantine WHERE quarantine.file_no = first.file_no) AS rows_quarantined,
    first.note,
    first.timezone,
    (SELECT list(source_file) FROM raw.loaded_file AS other WHERE other.sha256 = first.sha256) AS names
FROM raw.loaded_file AS first
WHERE sha256 IN (SELECT unnest($sha256)) AND format <> 'rejected' AND same_as IS NULL;
