-- Power of the runs with the IDs $ids over time, at most $most points each: means of the readings between.
WITH sample AS (
    SELECT
        *,
        sum(duration_s) OVER (PARTITION BY run_id ORDER BY "at") AS at_s,
        (row_number() OVER (PARTITION BY run_id ORDER BY "at") - 1) * $most
            // greatest(count(*) OVER (PARTITION BY run_id), $most) AS point
    FROM report.power
    WHERE list_contains($ids::VARCHAR[], run_id) AND duration_s > 0
)
SELECT
    run_id,
    min(at_s - duration_s) AS from_s,
    max(at_s) AS until_s,
    sum(cpu_power_w * duration_s) / sum(duration_s) AS cpu_w,
    sum(gpu_power_w * duration_s) / sum(duration_s) AS gpu_w,
    sum(ram_power_w * duration_s) / sum(duration_s) AS ram_w
FROM sample
GROUP BY run_id, point
ORDER BY run_id, point;
