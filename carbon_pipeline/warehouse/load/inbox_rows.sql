INSERT INTO inbox_row BY NAME
SELECT unnest(from_json($rows, '[{
    "row_no": "BIGINT", "file_no": "INTEGER", "line": "BIGINT", "content": "VARCHAR", "record": "VARCHAR"
}]'), recursive := true);
