INSERT INTO inbox_file BY NAME
SELECT unnest(from_json($rows, '[{
    "file_no": "INTEGER", "source_file": "VARCHAR", "sha256": "VARCHAR", "format": "VARCHAR", "note": "VARCHAR",
    "kept": "VARCHAR", "fingerprint": "VARCHAR", "rows_read": "BIGINT"
}]'), recursive := true);
