CREATE OR REPLACE VIEW report.by_asset AS
SELECT asset_key, name, total.*
FROM (
    SELECT
        asset_key, name,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share) AS total
    FROM report.counted_runs
    GROUP BY ALL
)
ORDER BY total.energy_kwh DESC NULLS LAST;
COMMENT ON VIEW report.by_asset IS 'Energy and emissions per Dagster asset, or what else was tracked.';
