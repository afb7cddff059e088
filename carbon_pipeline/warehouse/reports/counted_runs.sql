-- What the aggregates add up. A task whose run is known counts there: it has no energy attributed to it.
CREATE OR REPLACE VIEW report.counted_runs AS
SELECT *, CASE WHEN energy_kwh > 0 THEN attributed_energy_kwh / energy_kwh ELSE 1 END AS attributed_share
FROM core.run
WHERE parent_run_id IS NULL OR attributed_energy_kwh IS DISTINCT FROM 0;
COMMENT ON VIEW report.counted_runs IS 'The runs that the aggregates add up: all but tasks whose run is known.';
COMMENT ON COLUMN report.counted_runs.attributed_share IS 'This run''s share of the machine, 0 to 1; below 1 where runs overlap on a host.';
