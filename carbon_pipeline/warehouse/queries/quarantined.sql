SELECT source_file, line, reason, content
FROM raw.quarantine
WHERE source_file IN (SELECT unnest($files))
ORDER BY source_file, line
LIMIT $limit;
