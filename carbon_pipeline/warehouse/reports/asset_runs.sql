-- A step that made several assets is one run; here it is listed for each of them, with an equal share.
CREATE OR REPLACE VIEW report.asset_runs AS
SELECT
    * EXCLUDE (asset_key, keys),
    unnest(keys) AS asset_key,
    keys AS assets,
    1 / len(keys) AS asset_share,
    attributed_share * asset_share AS share,
    estimate_share * asset_share AS share_of_estimate,
    energy_kwh * share AS asset_energy_kwh,
    energy_low_kwh * share_of_estimate AS asset_energy_low_kwh,
    energy_high_kwh * share_of_estimate AS asset_energy_high_kwh,
    emissions_kg * share AS asset_emissions_kg,
    estimate_kwh * share_of_estimate AS asset_estimate_kwh,
    estimate_kg * share_of_estimate AS asset_estimate_kg
FROM (SELECT *, coalesce(string_split(asset_key, ', '), [NULL]) AS keys FROM report.counted_runs);
COMMENT ON VIEW report.asset_runs IS 'The runs by asset: one that made several is listed for each of them, with an equal share.';
COMMENT ON COLUMN report.asset_runs.assets IS 'All assets that the run made.';
COMMENT ON COLUMN report.asset_runs.asset_share IS 'Equal share of the run for each asset that it made, 0 to 1.';
COMMENT ON COLUMN report.asset_runs.share IS 'Share of the machine for this run and asset, 0 to 1.';
COMMENT ON COLUMN report.asset_runs.share_of_estimate IS 'The same of the estimate and the interval, 0 to 1.';
COMMENT ON COLUMN report.asset_runs.asset_energy_kwh IS 'Energy of this run and asset, kWh.';
COMMENT ON COLUMN report.asset_runs.asset_energy_low_kwh IS 'Lower end of their energy at the wall, kWh.';
COMMENT ON COLUMN report.asset_runs.asset_energy_high_kwh IS 'Upper end of their energy at the wall, kWh.';
COMMENT ON COLUMN report.asset_runs.asset_emissions_kg IS 'Emissions of this run and asset, kg CO2eq.';
COMMENT ON COLUMN report.asset_runs.asset_estimate_kwh IS 'Best estimate of their energy, kWh: at the wall where that is known.';
COMMENT ON COLUMN report.asset_runs.asset_estimate_kg IS 'Emissions from that estimate, kg CO2eq.';
