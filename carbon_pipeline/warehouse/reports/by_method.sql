CREATE OR REPLACE VIEW report.by_method AS
SELECT
    cpu_method,
    gpu_method,
    ram_method,
    tracking_mode,
    count(*) AS runs,
    sum(duration_s) AS duration_s,
    sum(attributed_energy_kwh) AS energy_kwh,
    CASE WHEN count(energy_low_kwh) = count(energy_kwh) THEN sum(energy_low_kwh * attributed_share) END AS energy_low_kwh,
    CASE WHEN count(energy_high_kwh) = count(energy_kwh) THEN sum(energy_high_kwh * attributed_share) END AS energy_high_kwh,
    sum(emissions_kg * attributed_share) AS emissions_kg,
    CASE WHEN count(emissions_low_kg) = count(emissions_kg) THEN sum(emissions_low_kg * attributed_share) END AS emissions_low_kg,
    CASE WHEN count(emissions_high_kg) = count(emissions_kg) THEN sum(emissions_high_kg * attributed_share) END AS emissions_high_kg
FROM report.counted_runs
GROUP BY ALL
ORDER BY energy_kwh DESC NULLS LAST;
COMMENT ON VIEW report.by_method IS 'Energy and emissions per way of measuring: only runs of one way compare.';
