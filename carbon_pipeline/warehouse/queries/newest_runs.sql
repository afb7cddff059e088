-- The newest runs, with all columns: found first by what the order needs, so that memory is spent on a few rows only.
WITH newest AS (
    SELECT run_id FROM core.run ORDER BY started_at DESC, run_id DESC LIMIT $limit
)
SELECT *
FROM report.runs
WHERE run_id IN (SELECT run_id FROM newest)
ORDER BY started_at DESC, run_id DESC;
