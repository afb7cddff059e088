-- The sums of all runs, or those of $project, and how many of them are tasks that count within another run.
SELECT
    count(*) AS runs,
    count(*) FILTER (parent_run_id IS NOT NULL AND attributed_share = 0) AS tasks,
    sum(attributed_estimate_kwh) AS energy_kwh
FROM report.runs
WHERE $project IS NULL OR project_name = $project;
