-- Where the next $rows runs after $after end, in the order of their ends.
SELECT max(ended_at) AS until
FROM (SELECT ended_at FROM raw.measurement WHERE is_current AND ended_at > $after ORDER BY ended_at LIMIT $rows);
