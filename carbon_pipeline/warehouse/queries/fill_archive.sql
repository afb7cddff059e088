INSERT INTO archive
SELECT unnest(from_json(?, '[{"source_file": "VARCHAR", "sha256": "VARCHAR", "content": "VARCHAR"}]'), recursive := true);
