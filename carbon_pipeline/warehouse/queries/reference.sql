-- Every column with its relation and the comments of both, in the order of the relations.
SELECT
    schema_name AS schema,
    table_name AS relation,
    relation.comment AS relation_comment,
    column_name AS "column",
    data_type AS type,
    columns.comment AS comment
FROM duckdb_columns() AS columns
JOIN (
    SELECT database_name, schema_name, table_name, comment FROM duckdb_tables()
    UNION ALL
    SELECT database_name, schema_name, view_name, comment FROM duckdb_views()
) AS relation USING (database_name, schema_name, table_name)
WHERE database_name = current_database() AND schema_name IN ('raw', 'core', 'report')
ORDER BY schema_name DESC, table_name, column_index;
