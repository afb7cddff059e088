-- The runs that ended after $after and until $until, but tasks whose run is known: they would count twice.
SELECT * FROM report.counted_runs WHERE ended_at > $after AND ended_at <= $until ORDER BY ended_at, run_id;
