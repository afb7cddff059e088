INSERT INTO refused BY NAME
SELECT unnest(from_json($rows, '[{
    "row_no": "BIGINT", "file_no": "INTEGER", "line": "BIGINT", "reason": "VARCHAR", "content": "VARCHAR"
}]'), recursive := true);
