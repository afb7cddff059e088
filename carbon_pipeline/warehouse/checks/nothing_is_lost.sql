-- The ledger against what is there: rows of each file in raw and in quarantine, and the run of each row in core.
SELECT
    file.source_file, file.rows_read, file.rows_loaded, file.rows_superseded, file.rows_quarantined,
    coalesce(kept.rows, 0) AS rows_with_a_run, coalesce(quarantined.rows, 0) AS rows_in_quarantine
FROM raw.loaded_file AS file
LEFT JOIN (
    SELECT sha256, count(*) AS rows FROM raw.record SEMI JOIN core.run USING (run_id) GROUP BY ALL
) AS kept USING (sha256)
LEFT JOIN (SELECT sha256, count(*) AS rows FROM raw.quarantine GROUP BY ALL) AS quarantined USING (sha256)
WHERE file.rows_read <> file.rows_loaded + file.rows_superseded + file.rows_quarantined
    OR file.rows_loaded + file.rows_superseded <> coalesce(kept.rows, 0)
    OR file.rows_quarantined <> coalesce(quarantined.rows, 0);
