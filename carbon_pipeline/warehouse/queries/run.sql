SELECT * FROM report.runs WHERE starts_with(run_id, $prefix) LIMIT 1000;
