-- The runs that ended on a day (UTC).
SELECT * FROM report.runs WHERE core.utc_day(ended_at) = $day ORDER BY ended_at, run_id;
