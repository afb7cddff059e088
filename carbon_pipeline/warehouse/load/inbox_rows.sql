INSERT INTO inbox_row
SELECT unnest(from_json($rows, '[{"sha256": "VARCHAR", "line": "BIGINT", "content": "VARCHAR", "record": "VARCHAR"}]'), recursive := true);
