-- What the aggregates add up. A task whose run is known counts there: it has no energy attributed to it.
CREATE OR REPLACE VIEW report.counted_runs AS
FROM report.runs
WHERE parent_run_id IS NULL OR attributed_share > 0;
COMMENT ON VIEW report.counted_runs IS 'The runs that the aggregates add up: all but tasks whose run is known.';
