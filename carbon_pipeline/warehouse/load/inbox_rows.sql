INSERT INTO inbox_row
SELECT unnest(from_json($rows, '[{"source_file": "VARCHAR", "line": "BIGINT", "content": "VARCHAR"}]'), recursive := true);
