SELECT *
FROM report.runs
WHERE core.utc_day(started_at) BETWEEN $first::DATE AND $last::DATE
ORDER BY started_at, run_id;
