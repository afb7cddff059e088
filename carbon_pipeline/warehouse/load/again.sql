-- Files whose content has been loaded before, under this name or another: all of their rows are known.
INSERT INTO raw.loaded_file BY NAME
SELECT
    given.*, known.format, known.rows_read, 0 AS rows_loaded, known.rows_loaded + known.rows_superseded AS rows_superseded,
    known.rows_quarantined, 0 AS rows_in_raw, known.note
FROM (
    SELECT unnest(from_json($rows, '[{
        "source_file": "VARCHAR", "sha256": "VARCHAR", "kept": "VARCHAR", "fingerprint": "VARCHAR"
    }]'), recursive := true)
) AS given
JOIN (SELECT DISTINCT ON (sha256) * FROM raw.loaded_file ORDER BY sha256, loaded_at) AS known USING (sha256)
ON CONFLICT DO UPDATE SET
    fingerprint = coalesce(excluded.fingerprint, loaded_file.fingerprint), loaded_at = now();
