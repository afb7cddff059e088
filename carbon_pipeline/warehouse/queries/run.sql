FROM report.runs WHERE starts_with(run_id, ?) LIMIT 1000;
