CREATE OR REPLACE MACRO report.by_asset_of(run_query) AS TABLE
SELECT asset_key, name, total.*, is_shared
FROM (
    SELECT
        asset_key,
        coalesce(asset_key, name) AS name,
        bool_or(asset_share < 1) AS is_shared,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            share, share_of_estimate, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    GROUP BY ALL
)
ORDER BY total.estimate_kwh DESC NULLS LAST;
CREATE OR REPLACE VIEW report.by_asset AS FROM report.by_asset_of('FROM report.asset_runs');
COMMENT ON VIEW report.by_asset IS 'Energy and emissions per Dagster asset, or what else was tracked.';
COMMENT ON COLUMN report.by_asset.is_shared IS 'Whether a step made other assets too: each has an equal share of its energy.';
COMMENT ON COLUMN report.by_asset.name IS 'The asset, or what else was tracked.';
