-- The columns of report.runs and raw.measurement, most of which are fields of a record, and whether they come from
-- raw.context.
SELECT DISTINCT
    column_name,
    data_type,
    column_name IN (
        SELECT column_name
        FROM duckdb_columns()
        WHERE database_name = current_database() AND schema_name = 'raw' AND table_name = 'context'
    ) AS is_shared
FROM duckdb_columns()
WHERE database_name = current_database()
    AND (schema_name = 'report' AND table_name = 'runs' OR schema_name = 'raw' AND table_name = 'measurement')
ORDER BY column_name;
