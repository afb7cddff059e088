CREATE OR REPLACE VIEW report.by_method AS
SELECT
    cpu_method,
    gpu_method,
    ram_method,
    tracking_mode,
    count(*) AS runs,
    sum(duration_s) AS duration_s,
    sum(attributed_energy_kwh) AS energy_kwh,
    core.sum_where_known(energy_low_kwh * attributed_share, energy_kwh) AS energy_low_kwh,
    core.sum_where_known(energy_high_kwh * attributed_share, energy_kwh) AS energy_high_kwh,
    sum(emissions_kg * attributed_share) AS emissions_kg,
    core.sum_where_known(emissions_low_kg * attributed_share, emissions_kg) AS emissions_low_kg,
    core.sum_where_known(emissions_high_kg * attributed_share, emissions_kg) AS emissions_high_kg
FROM report.counted_runs
GROUP BY ALL
ORDER BY energy_kwh DESC NULLS LAST;
COMMENT ON VIEW report.by_method IS 'Energy and emissions per way of measuring: only runs of one way compare.';
