SELECT column_name, data_type, comment
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'core' AND table_name = 'run'
ORDER BY column_index;
