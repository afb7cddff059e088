-- Columns of views without a comment, and the comment of the column of the same name: in core or, for the aggregates, in
-- report.daily.
SELECT mine.table_name, mine.column_name, first(theirs.comment ORDER BY theirs.schema_name DESC)
FROM duckdb_columns() AS mine
JOIN duckdb_columns() AS theirs USING (database_name, column_name)
WHERE mine.database_name = current_database() AND mine.schema_name = 'report' AND mine.comment IS NULL
    AND theirs.comment IS NOT NULL
    AND (theirs.schema_name = 'core'
        OR theirs.schema_name = 'report' AND theirs.table_name = 'daily' AND mine.table_name[:3] = 'by_')
GROUP BY ALL;
