INSERT INTO refused
SELECT unnest(from_json($refused, '[{"source_file": "VARCHAR", "line": "BIGINT", "reason": "VARCHAR", "content": "VARCHAR"}]'), recursive := true);
