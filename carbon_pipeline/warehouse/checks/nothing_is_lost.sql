-- The ledger against what is there: rows of each file in raw and in quarantine, and runs of each file name in core.
WITH kept AS (
    SELECT source_file, sha256, count(*) AS rows FROM raw.record SEMI JOIN core.run USING (run_id) GROUP BY ALL
), quarantined AS (
    SELECT sha256, count(*) AS rows FROM raw.quarantine GROUP BY ALL
), run AS (
    SELECT source_file, count(*) AS runs FROM core.run GROUP BY ALL
), expected AS (
    SELECT source_file, sum(rows_loaded - rows_replaced) AS runs FROM raw.loaded_file GROUP BY ALL
)
SELECT
    file.source_file, file.rows_read, file.rows_loaded, file.rows_superseded, file.rows_quarantined,
    coalesce(kept.rows, 0) AS rows_with_a_run, coalesce(quarantined.rows, 0) AS rows_in_quarantine,
    coalesce(run.runs, 0) AS runs, expected.runs AS runs_expected
FROM raw.loaded_file AS file
LEFT JOIN kept USING (source_file, sha256)
LEFT JOIN quarantined USING (sha256)
LEFT JOIN run USING (source_file)
JOIN expected USING (source_file)
WHERE file.rows_read <> file.rows_loaded + file.rows_superseded + file.rows_quarantined
    OR file.rows_in_raw <> coalesce(kept.rows, 0)
    OR file.rows_quarantined <> coalesce(quarantined.rows, 0)
    OR expected.runs <> coalesce(run.runs, 0)
UNION ALL
SELECT source_file, 0, 0, 0, 0, 0, 0, runs, 0 FROM run ANTI JOIN raw.loaded_file USING (source_file);
