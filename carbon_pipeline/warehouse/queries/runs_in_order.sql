-- All runs, oldest first, but tasks whose run is known: they would count twice.
SELECT * FROM report.counted_runs ORDER BY started_at, run_id;
