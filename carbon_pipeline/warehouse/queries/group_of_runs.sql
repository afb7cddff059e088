-- The runs of a group, with all that two runs have to share to be compared. $kind says what $name is: an asset, something
-- else that was `tracked`, a project or a run; of a period, the runs that began on its days (UTC). A run counts with the
-- runs that are nested in it; where those are in the group themselves, it `encloses` them and has only the rest. The
-- records that a run of Dagster has of an asset, such as ops of a graph, are one run, and their times add up but for nested
-- ones.
WITH RECURSIVE nested AS (
    SELECT outer_run_id AS run_id, run_id AS inner_id
    FROM raw.measurement
    WHERE is_current AND outer_run_id IS NOT NULL
    UNION
    SELECT nested.run_id, deeper.run_id
    FROM nested
    JOIN raw.measurement AS deeper ON deeper.outer_run_id = nested.inner_id
    WHERE deeper.is_current
), record AS (
    SELECT *, CASE WHEN $kind = 'asset' THEN coalesce(dagster_run_id, run_id) ELSE run_id END AS run
    FROM report.asset_runs
    WHERE CASE $kind
        WHEN 'asset' THEN asset_key = $name
        WHEN 'tracked' THEN asset_key IS NULL AND name = $name
        WHEN 'project' THEN project_name = $name
        WHEN 'run' THEN run_id = $name
        ELSE core.utc_day(started_at) BETWEEN $first::DATE AND $last::DATE AND ($name IS NULL OR project_name = $name)
    END
), member AS (
    SELECT DISTINCT run_id, run FROM record
), inside AS (
    SELECT
        nested.run_id,
        inner_id,
        inner_member.run = outer_member.run AS is_same,
        coalesce(inner_member.run <> outer_member.run, false) AS is_other,
        CASE WHEN inner_member.run IS NULL THEN inner_run.attributed_energy_kwh ELSE 0 END AS kwh,
        CASE WHEN inner_member.run IS NULL THEN inner_run.attributed_estimate_kwh ELSE 0 END AS wall_kwh
    FROM nested
    JOIN member AS outer_member USING (run_id)
    JOIN report.runs AS inner_run ON inner_run.run_id = inner_id
    LEFT JOIN member AS inner_member ON inner_member.run_id = inner_id
), added AS (
    SELECT
        run_id,
        bool_or(is_other) AS encloses,
        CASE WHEN count(kwh) = count(*) THEN sum(kwh) END AS inner_kwh,
        CASE WHEN count(wall_kwh) = count(*) THEN sum(wall_kwh) END AS inner_wall_kwh
    FROM inside
    GROUP BY run_id
)
SELECT
    run,
    status,
    max(started_at) AS last_started_at,
    max(ended_at) AS ended_at,
    coalesce(bool_or(encloses), false) AS encloses,
    CASE WHEN count(attributed_energy_kwh) = count(*)
        THEN sum((attributed_energy_kwh + CASE WHEN encloses IS NULL THEN 0 ELSE inner_kwh END) * asset_share) END AS energy_kwh,
    CASE WHEN bool_and(interval_source = 'wall_meter')
        THEN sum((attributed_estimate_kwh + CASE WHEN encloses IS NULL THEN 0 ELSE inner_wall_kwh END) * asset_share) END AS wall_kwh,
    coalesce(sum(duration_s * asset_share) FILTER (run_id NOT IN (SELECT inner_id FROM inside WHERE is_same)), 0) AS duration_s,
    max(greatest(coalesce(cpu_gap_s, 0), coalesce(gpu_gap_s, 0)) / nullif(duration_s, 0)) AS gap_share,
    flatten(list(flags)) AS flags,
    list_sort(list(DISTINCT coalesce(name, ''))) AS names,
    list_sort(list(DISTINCT coalesce(project_name, ''))) AS projects,
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
    list_sort(list(DISTINCT CASE WHEN gpu_count = 0 THEN 'none' ELSE gpu_model END)) AS gpu_model,
    list_sort(list(DISTINCT gpu_count)) AS gpu_count,
    list_sort(list(DISTINCT round(ram_gb, 1))) AS ram_gb
FROM record
LEFT JOIN added USING (run_id)
GROUP BY run, status
ORDER BY last_started_at DESC, run;
