SELECT mine.table_name, mine.column_name, any_value(theirs.comment)
FROM duckdb_columns() AS mine
JOIN duckdb_columns() AS theirs USING (database_name, column_name)
WHERE mine.database_name = current_database() AND mine.schema_name = 'report' AND mine.comment IS NULL
    AND theirs.schema_name = 'core' AND theirs.comment IS NOT NULL
GROUP BY ALL;
