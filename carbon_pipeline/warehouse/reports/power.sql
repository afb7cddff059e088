CREATE OR REPLACE VIEW report.power AS
SELECT
    run_id,
    project_name,
    asset_key,
    run.name AS run_name,
    sample.at,
    sample.duration_s,
    sample.cpu_power_w,
    sample.gpu_power_w,
    sample.ram_power_w,
    coalesce(sample.cpu_power_w, 0) + coalesce(sample.gpu_power_w, 0) + coalesce(sample.ram_power_w, 0) AS power_w
FROM core.sample AS sample
JOIN core.run AS run USING (run_id);
COMMENT ON VIEW report.power IS 'Power of runs over time.';
COMMENT ON COLUMN report.power.run_name IS 'What was tracked.';
COMMENT ON COLUMN report.power.power_w IS 'Power of all components that were measured, W.';
COMMENT ON COLUMN report.power.duration_s IS 'Time since the reading before, seconds.';
