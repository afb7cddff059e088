CREATE OR REPLACE MACRO report.by_country_of(run_query) AS TABLE
SELECT country_iso_code, country_name, total.*
FROM (
    SELECT
        country_iso_code, country_name,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share, estimate_share, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    GROUP BY ALL
)
ORDER BY total.estimate_kwh DESC NULLS LAST;
CREATE OR REPLACE VIEW report.by_country AS FROM report.by_country_of('FROM report.counted_runs');
COMMENT ON VIEW report.by_country IS 'Energy and emissions per country; runs whose country is not known are in a row without one.';
