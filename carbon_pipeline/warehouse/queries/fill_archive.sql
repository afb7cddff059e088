INSERT INTO archive
SELECT unnest(from_json($rows, '[{"source_file": "VARCHAR", "sha256": "VARCHAR", "content": "VARCHAR"}]'), recursive := true);
