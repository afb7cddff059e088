-- The runs of some days (UTC), each on each of its days, with what belongs to the day.
SELECT
    part.day AS day,
    attributed_energy_kwh * part.energy_share AS day_energy_kwh,
    emissions_kg * attributed_share * part.energy_share AS day_emissions_kg,
    runs.* EXCLUDE (part, day_shares)
FROM (
    SELECT *, unnest(core.days_of(started_at, ended_at, day_shares)) AS part
    FROM report.runs
    WHERE core.utc_day(started_at) <= $last::DATE AND core.utc_day(ended_at) >= $first::DATE
) AS runs
WHERE part.day BETWEEN $first::DATE AND $last::DATE
ORDER BY started_at, run_id, part.day;
