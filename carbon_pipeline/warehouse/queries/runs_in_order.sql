-- The runs that ended after $after and until $until.
SELECT * FROM report.runs WHERE ended_at > $after AND ended_at <= $until ORDER BY ended_at, run_id;
