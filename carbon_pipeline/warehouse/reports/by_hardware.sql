CREATE OR REPLACE VIEW report.by_hardware AS
-- First all runs by a key, then the few rows that are left by what the key stands for.
WITH total AS (
    SELECT
        hardware_id,
        count(*) AS runs,
        sum(duration_s) AS duration_s,
        sum(attributed_energy_kwh) AS energy_kwh,
        sum(energy_low_kwh * attributed_share) AS energy_low_kwh,
        sum(energy_high_kwh * attributed_share) AS energy_high_kwh,
        sum(emissions_kg * attributed_share) AS emissions_kg,
        sum(emissions_low_kg * attributed_share) AS emissions_low_kg,
        sum(emissions_high_kg * attributed_share) AS emissions_high_kg,
        count(energy_kwh) - least(count(energy_low_kwh), count(energy_high_kwh)) AS without_energy_interval,
        count(emissions_kg) - least(count(emissions_low_kg), count(emissions_high_kg)) AS without_emissions_interval
    FROM report.counted_runs
    GROUP BY hardware_id
)
SELECT
    cpu_model,
    cpu_count,
    gpu_model,
    gpu_count,
    round(ram_gb, 1) AS ram_gb,
    sum(runs)::BIGINT AS runs,
    sum(duration_s) AS duration_s,
    sum(energy_kwh) AS energy_kwh,
    CASE WHEN sum(without_energy_interval) = 0 THEN sum(energy_low_kwh) END AS energy_low_kwh,
    CASE WHEN sum(without_energy_interval) = 0 THEN sum(energy_high_kwh) END AS energy_high_kwh,
    sum(emissions_kg) AS emissions_kg,
    CASE WHEN sum(without_emissions_interval) = 0 THEN sum(emissions_low_kg) END AS emissions_low_kg,
    CASE WHEN sum(without_emissions_interval) = 0 THEN sum(emissions_high_kg) END AS emissions_high_kg
FROM total
JOIN core.hardware USING (hardware_id)
GROUP BY cpu_model, cpu_count, gpu_model, gpu_count, round(ram_gb, 1)
ORDER BY energy_kwh DESC NULLS LAST;
COMMENT ON VIEW report.by_hardware IS 'Energy and emissions per kind of machine.';
COMMENT ON COLUMN report.by_hardware.ram_gb IS 'Main memory, GiB, to a tenth: systems differ in what they keep for themselves.';
