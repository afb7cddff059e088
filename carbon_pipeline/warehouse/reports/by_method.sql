CREATE OR REPLACE VIEW report.by_method AS
SELECT cpu_method, gpu_method, ram_method, tracking_mode, total.*
FROM (
    SELECT
        cpu_method, gpu_method, ram_method, tracking_mode,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share) AS total
    FROM report.counted_runs
    GROUP BY ALL
)
ORDER BY total.energy_kwh DESC NULLS LAST;
COMMENT ON VIEW report.by_method IS 'Energy and emissions per way of measuring: only runs of one way compare.';
