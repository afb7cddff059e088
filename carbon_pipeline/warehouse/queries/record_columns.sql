-- The columns of report.runs, most of which are fields of a record.
SELECT column_name, data_type
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'report' AND table_name = 'runs';
