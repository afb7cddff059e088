CREATE OR REPLACE MACRO report.by_hardware_of(run_query) AS TABLE
SELECT cpu_model, cpu_count, gpu_model, gpu_count, ram_gb, total.*
FROM (
    SELECT
        cpu_model, cpu_count, gpu_model, gpu_count, round(ram_gb, 1) AS ram_gb,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share, estimate_share, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    GROUP BY ALL
)
ORDER BY total.estimate_kwh DESC NULLS LAST;
CREATE OR REPLACE VIEW report.by_hardware AS FROM report.by_hardware_of('FROM report.counted_runs');
COMMENT ON VIEW report.by_hardware IS 'Energy and emissions per kind of machine.';
COMMENT ON COLUMN report.by_hardware.ram_gb IS 'Main memory, GiB, to a tenth: systems differ in what they keep for themselves.';
