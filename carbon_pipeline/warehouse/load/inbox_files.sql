INSERT INTO inbox_file
SELECT unnest(from_json($rows, '[{"source_file": "VARCHAR", "sha256": "VARCHAR", "format": "VARCHAR", "rows_read": "BIGINT"}]'), recursive := true);
