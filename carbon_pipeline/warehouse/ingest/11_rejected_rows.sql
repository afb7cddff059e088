INSERT INTO rejected_row BY NAME
SELECT unnest(from_json($rows, '[{
    "file_no": "INTEGER", "line": "BIGINT", "reason": "VARCHAR", "content": "VARCHAR"
}]'), recursive := true);
