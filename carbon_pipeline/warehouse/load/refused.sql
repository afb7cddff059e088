INSERT INTO refused
SELECT unnest(from_json($rows, '[{"sha256": "VARCHAR", "line": "BIGINT", "reason": "VARCHAR", "content": "VARCHAR"}]'), recursive := true);
