CREATE OR REPLACE VIEW report.phases AS
SELECT run_id, project_name, asset_key, run.name AS run_name, phase.* EXCLUDE (run_id)
FROM core.phase AS phase
JOIN core.run AS run USING (run_id)
ORDER BY run.started_at DESC, phase.started_at;
COMMENT ON VIEW report.phases IS 'Phases of runs, such as epochs, with their energy: the latest run first.';
COMMENT ON COLUMN report.phases.run_name IS 'What was tracked.';
COMMENT ON COLUMN report.phases.name IS 'Name of the phase.';
COMMENT ON COLUMN report.phases.started_at IS 'Start of the phase, UTC.';
COMMENT ON COLUMN report.phases.duration_s IS 'Duration of the phase, seconds; of several phases, the sum.';
COMMENT ON COLUMN report.phases.phases IS 'Number of phases; more than 1 where a run had very many.';
