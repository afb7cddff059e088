-- The runs that this load has brought, by file and flags; $before is the last row that core.run had before.
SELECT source_file, flags, count(*) AS runs
FROM core.run
ANTI JOIN (SELECT run_id FROM replaced WHERE NOT by_another) AS known USING (run_id)
WHERE run.rowid > $before AND len(flags) > 0
GROUP BY ALL;
