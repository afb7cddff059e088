-- What an asset has spent: in one run, and in the calendar period ($period: day, month) in which that began, UTC. A run of
-- Dagster may hold several records of an asset: attempts, ops of a graph, partitions. It is the run $dagster_run_id if
-- that has any, else the latest one. Of runs that share a host, their shares count; attempts that failed count too.
WITH own AS (
    SELECT *, coalesce(dagster_run_id, run_id) AS execution
    FROM report.runs
    WHERE list_contains(string_split(asset_key, ', '), $asset_key)
), judged AS (
    SELECT execution, date_trunc($period, min(started_at) AT TIME ZONE 'UTC') AS period_began
    FROM own
    GROUP BY execution
    ORDER BY (execution = $dagster_run_id) DESC NULLS LAST, max(started_at) DESC
    LIMIT 1
)
SELECT
    judged.execution AS run,
    count(*) FILTER (own.execution = judged.execution) AS records,
    count(*) FILTER (own.execution = judged.execution AND own.energy_kwh IS NULL) AS records_unknown,
    sum(own.attributed_energy_kwh) FILTER (own.execution = judged.execution) AS energy_kwh,
    sum(own.emissions_kg * own.attributed_share) FILTER (own.execution = judged.execution) AS emissions_kg,
    judged.period_began,
    count(*) FILTER (is_in_period) AS period_records,
    count(*) FILTER (is_in_period AND own.energy_kwh IS NULL) AS period_records_unknown,
    sum(own.attributed_energy_kwh) FILTER (is_in_period) AS period_energy_kwh,
    sum(own.emissions_kg * own.attributed_share) FILTER (is_in_period) AS period_emissions_kg
FROM judged, (
    SELECT *, date_trunc($period, started_at AT TIME ZONE 'UTC') = (SELECT period_began FROM judged) AS is_in_period FROM own
) AS own
GROUP BY ALL;
