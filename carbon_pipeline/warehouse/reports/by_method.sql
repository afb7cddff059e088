CREATE OR REPLACE MACRO report.by_method_of(run_query) AS TABLE
SELECT cpu_method, gpu_method, ram_method, tracking_mode, total.*
FROM (
    SELECT
        cpu_method, gpu_method, ram_method, tracking_mode,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share, estimate_share, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    GROUP BY ALL
)
ORDER BY total.estimate_kwh DESC NULLS LAST;
CREATE OR REPLACE VIEW report.by_method AS FROM report.by_method_of('FROM report.counted_runs');
COMMENT ON VIEW report.by_method IS 'Energy and emissions per way of measuring: only runs of one way compare.';
