CREATE OR REPLACE VIEW report.by_country AS
SELECT country_iso_code, country_name, total.*
FROM (
    SELECT
        country_iso_code, country_name,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share) AS total
    FROM report.counted_runs
    GROUP BY ALL
)
ORDER BY total.energy_kwh DESC NULLS LAST;
COMMENT ON VIEW report.by_country IS 'Energy and emissions per country; runs whose country is not known are in a row without one.';
