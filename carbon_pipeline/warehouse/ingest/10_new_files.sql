INSERT INTO new_file BY NAME
SELECT unnest(from_json($rows, '[{
    "file_no": "INTEGER", "source_file": "VARCHAR", "sha256": "VARCHAR", "same_as": "INTEGER", "format": "VARCHAR",
    "note": "VARCHAR", "kept": "VARCHAR", "fingerprint": "VARCHAR", "timezone": "VARCHAR", "rows_read": "BIGINT"
}]'), recursive := true);
