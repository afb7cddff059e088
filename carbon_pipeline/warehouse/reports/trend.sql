-- A run that goes on into another week has in each the energy of its days there, and counts as a run in each.
CREATE OR REPLACE MACRO report.trend_of(run_query) AS TABLE
SELECT week, project_name, asset_key, name, runs_in_week AS runs, total.* EXCLUDE (runs)
FROM (
    SELECT
        date_trunc('week', part.day)::DATE AS week,
        project_name,
        asset_key,
        coalesce(asset_key, name) AS name,
        count(*) FILTER (part.day = core.utc_day(started_at) OR isodow(part.day) = 1) AS runs_in_week,
        core.totals(duration_s * part.time_share, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg,
            emissions_high_kg, share * part.energy_share, share_of_estimate * part.energy_share, estimate_kwh, estimate_kg) AS total
    FROM (SELECT *, unnest(core.days_of(started_at, ended_at, day_shares)) AS part FROM query(run_query))
    GROUP BY ALL
)
ORDER BY week, project_name, total.estimate_kwh DESC NULLS LAST, name;
CREATE OR REPLACE VIEW report.trend AS FROM report.trend_of('FROM report.asset_runs');
COMMENT ON VIEW report.trend IS 'Energy and emissions per week (UTC), project and asset, or what else was tracked: how they develop.';
COMMENT ON COLUMN report.trend.week IS 'Monday of the week, UTC.';
