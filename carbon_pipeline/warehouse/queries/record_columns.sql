-- The columns of core that may be fields of a record.
SELECT DISTINCT column_name, data_type
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'core' AND table_name <> 'field';
