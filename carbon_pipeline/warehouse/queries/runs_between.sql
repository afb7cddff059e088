SELECT *
FROM report.runs
WHERE (started_at AT TIME ZONE 'UTC')::DATE BETWEEN $first::DATE AND $last::DATE
ORDER BY started_at, run_id;
