-- What an asset has spent: its latest run, and all of the calendar period ($period: day, month) in which that began, UTC.
-- Attempts that failed count too. A step that makes several assets is one run of each of them.
WITH own AS (
    FROM report.runs WHERE list_contains(string_split(asset_key, ', '), $asset_key)
), latest AS (
    FROM own ORDER BY started_at DESC, run_id LIMIT 1
)
SELECT
    latest.run_id,
    latest.energy_kwh,
    latest.emissions_kg,
    date_trunc($period, latest.started_at AT TIME ZONE 'UTC') AS period_began,
    count(*) AS period_runs,
    count(*) FILTER (own.energy_kwh IS NULL) AS period_runs_unknown,
    sum(own.attributed_energy_kwh) AS period_energy_kwh,
    sum(own.emissions_kg * own.attributed_share) AS period_emissions_kg
FROM latest
JOIN own ON date_trunc($period, own.started_at AT TIME ZONE 'UTC') = date_trunc($period, latest.started_at AT TIME ZONE 'UTC')
GROUP BY ALL;
