-- The runs that ended last, with all columns: found first by that alone, so that time and memory are spent on a few only.
WITH newest AS (
    SELECT ended_at FROM raw.measurement WHERE is_current ORDER BY ended_at DESC LIMIT $limit
)
SELECT *
FROM report.runs
WHERE ended_at >= (SELECT min(ended_at) FROM newest)
ORDER BY ended_at DESC, run_id DESC
LIMIT $limit;
