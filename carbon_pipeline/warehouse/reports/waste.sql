CREATE OR REPLACE MACRO report.waste_of(run_query) AS TABLE
SELECT
    project_name, asset_key, name, status, error_type, total.*,
    total.estimate_kwh / nullif(sum(total.estimate_kwh) OVER (PARTITION BY project_name), 0) AS energy_share
FROM (
    SELECT
        project_name, asset_key, coalesce(asset_key, name) AS name, status, error_type,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share, estimate_share, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    GROUP BY ALL
)
QUALIFY status <> 'completed'
ORDER BY total.estimate_kwh DESC NULLS LAST;
CREATE OR REPLACE VIEW report.waste AS FROM report.waste_of('FROM report.counted_runs');
COMMENT ON VIEW report.waste IS 'Energy and emissions of work that failed, was cancelled or was interrupted, and why.';
COMMENT ON COLUMN report.waste.name IS 'The asset, or what else was tracked.';
COMMENT ON COLUMN report.waste.energy_share IS 'Share of the energy of the project, completed runs included, 0 to 1.';
