-- What an asset has spent (at the wall where that is known): in one run, and in a calendar period ($period: day, month;
-- UTC). A run of Dagster may hold several records of an asset: attempts, ops of a graph, partitions. It is the run
-- $dagster_run_id if that has any, else the latest one. What several runs or assets share, counts by its shares; attempts
-- that failed count too. A run that goes on from one period into the next counts in each with the energy of its days there.
-- A row for each period of the judged run.
WITH own AS (
    SELECT
        run_id,
        coalesce(dagster_run_id, run_id) AS execution,
        make_timestamp(epoch_us(started_at)) AS began,
        make_timestamp(epoch_us(ended_at)) AS ended,
        core.days_of(started_at, ended_at, day_shares) AS days,
        estimate_kwh * share_of_estimate AS energy_kwh,
        estimate_kg * share_of_estimate AS emissions_kg,
        energy_high_kwh * share_of_estimate AS energy_high_kwh,
        emissions_high_kg * share_of_estimate AS emissions_high_kg
    FROM report.asset_runs
    WHERE asset_key = $asset_key
), judged AS (
    SELECT
        execution, min(began) AS began, max(ended) AS ended, count(*) AS records,
        count(*) FILTER (energy_kwh IS NULL) AS records_unknown,
        count(*) FILTER (energy_high_kwh IS NULL) AS records_without_interval,
        sum(energy_kwh) AS energy_kwh, sum(emissions_kg) AS emissions_kg,
        sum(energy_high_kwh) AS energy_high_kwh, sum(emissions_high_kg) AS emissions_high_kg
    FROM own
    GROUP BY execution
    ORDER BY (execution = $dagster_run_id) DESC NULLS LAST, max(began) DESC
    LIMIT 1
), by_day AS (
    SELECT run_id, execution, unnest(days) AS day FROM own
), by_period AS (
    SELECT run_id, execution, date_trunc($period, day.day)::TIMESTAMP AS period_began, sum(day.energy_share) AS energy_share
    FROM by_day
    GROUP BY ALL
), part AS (
    SELECT own.*, period_began, energy_share
    FROM by_period
    JOIN own USING (run_id)
    WHERE period_began IN (SELECT period_began FROM by_period JOIN judged USING (execution))
)
SELECT
    any_value(judged.execution) AS run,
    any_value(judged.records) AS records,
    any_value(judged.records_unknown) AS records_unknown,
    any_value(judged.records_without_interval) AS records_without_interval,
    any_value(judged.energy_kwh) AS energy_kwh,
    any_value(judged.emissions_kg) AS emissions_kg,
    any_value(judged.energy_high_kwh) AS energy_high_kwh,
    any_value(judged.emissions_high_kg) AS emissions_high_kg,
    period_began,
    count(*) AS period_records,
    count(*) FILTER (part.energy_kwh IS NULL) AS period_records_unknown,
    count(*) FILTER (part.energy_high_kwh IS NULL) AS period_records_without_interval,
    sum(part.energy_kwh * energy_share) AS period_energy_kwh,
    sum(part.emissions_kg * energy_share) AS period_emissions_kg,
    sum(part.energy_high_kwh * energy_share) AS period_energy_high_kwh,
    sum(part.emissions_high_kg * energy_share) AS period_emissions_high_kg
FROM part, judged
GROUP BY period_began
ORDER BY period_began;
