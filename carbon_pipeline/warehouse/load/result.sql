-- What became of the files of this load, in the order in which they were given.
SELECT
    ledger.source_file, ledger.rows_read, ledger.rows_loaded, ledger.rows_superseded, ledger.rows_quarantined,
    count(best.run_id) FILTER (len(run.flags) > 0) AS rows_flagged
FROM inbox_file AS file
JOIN raw.loaded_file AS ledger USING (source_file, sha256)
LEFT JOIN best USING (sha256)
LEFT JOIN core.run AS run ON run.run_id = best.run_id
GROUP BY file.rowid, ledger.source_file, ledger.rows_read, ledger.rows_loaded, ledger.rows_superseded, ledger.rows_quarantined
ORDER BY file.rowid;
