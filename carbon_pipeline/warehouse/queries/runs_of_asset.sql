-- The completed work on an asset, the latest first, with all that two runs have to share to be compared. A run of Dagster
-- may hold several records of an asset, such as ops of a graph: they are one.
SELECT
    coalesce(dagster_run_id, run_id) AS run,
    max(started_at) AS last_started_at,
    max(ended_at) AS ended_at,
    CASE WHEN count(energy_kwh) = count(*) THEN sum(energy_kwh * asset_share) END AS energy_kwh,
    flatten(list(flags)) AS flags,
    list_sort(list(DISTINCT assets)) AS assets,
    list_sort(list(step_key)) AS steps,
    list_sort(list(CASE WHEN partition_key IS NULL THEN 'none' WHEN contains(partition_key, '...') THEN partition_key ELSE 'one' END))
        AS partitions,
    list_sort(list(DISTINCT tracking_mode)) AS tracking_mode,
    list_sort(list(DISTINCT pue)) AS pue,
    list_sort(list(DISTINCT cpu_method)) AS cpu_method,
    list_sort(list(DISTINCT gpu_method)) AS gpu_method,
    list_sort(list(DISTINCT ram_method)) AS ram_method,
    list_sort(list(DISTINCT codecarbon_version)) AS codecarbon_version,
    list_sort(list(DISTINCT host)) AS host,
    list_sort(list(DISTINCT cpu_model)) AS cpu_model,
    list_sort(list(DISTINCT cpu_count)) AS cpu_count,
    list_sort(list(DISTINCT gpu_model)) AS gpu_model,
    list_sort(list(DISTINCT gpu_count)) AS gpu_count
FROM report.asset_runs
WHERE asset_key = $asset_key AND status = 'completed'
GROUP BY run
ORDER BY (run = $dagster_run_id) DESC NULLS LAST, last_started_at DESC;
