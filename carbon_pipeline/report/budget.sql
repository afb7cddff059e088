-- What the asset $asset_key has spent: in each of the last $most calendar periods ($period: day, month; UTC), or runs. $unit
-- is the period, or day for runs: date_trunc knows no runs. `*_unknown` counts parts of which the amount is not known.
WITH part AS (
    SELECT
        *,
        share_of_estimate * part.energy_share AS part_share,
        CASE WHEN $period = 'run' THEN coalesce(dagster_run_id, run_id) ELSE date_trunc($unit, part.day)::VARCHAR END AS of_period
    FROM (
        SELECT *, unnest(core.days_of(started_at, ended_at, day_shares)) AS part
        FROM report.asset_runs
        WHERE asset_key = $asset_key
    )
)
SELECT
    CASE WHEN $period = 'run' THEN min(core.utc_day(started_at)) ELSE min(date_trunc($unit, part.day))::DATE END AS began,
    sum(estimate_kwh * part_share) AS energy_kwh,
    sum(energy_high_kwh * part_share) AS energy_high_kwh,
    sum(estimate_kg * part_share) AS emissions_kg,
    sum(emissions_high_kg * part_share) AS emissions_high_kg,
    count(*) - count(estimate_kwh) AS energy_unknown,
    count(*) - count(energy_high_kwh) AS energy_high_unknown,
    count(*) - count(estimate_kg) AS emissions_unknown,
    count(*) - count(emissions_high_kg) AS emissions_high_unknown
FROM part
GROUP BY of_period
ORDER BY max(ended_at) DESC
LIMIT $most;
