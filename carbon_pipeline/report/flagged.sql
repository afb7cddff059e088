-- The flagged runs with the most energy.
SELECT run_id
FROM report.counted_runs
WHERE len(flags) > 0 AND ($project IS NULL OR project_name = $project)
ORDER BY attributed_energy_kwh DESC NULLS LAST, run_id
LIMIT $most;
