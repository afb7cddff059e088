-- The days (UTC) on which runs ended, each with a hash of all that is known of its runs.
SELECT core.utc_day(ended_at) AS day, printf('%016x', bit_xor(hash(runs))) AS content
FROM report.runs
GROUP BY day
ORDER BY day;
