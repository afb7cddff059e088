-- Columns without a comment of their own, and the comment of another column of the same name: for the aggregates of
-- report.daily, else of core, raw or report.runs.
SELECT
    mine.schema_name AS schema,
    mine.table_name AS relation,
    mine.column_name AS name,
    first(theirs.comment ORDER BY theirs.table_name = 'daily' DESC, theirs.schema_name) FILTER (theirs.comment IS NOT NULL)
        AS comment
FROM duckdb_columns() AS mine
LEFT JOIN duckdb_columns() AS theirs ON theirs.database_name = mine.database_name AND theirs.column_name = mine.column_name
    AND (theirs.schema_name IN ('core', 'raw')
        OR theirs.schema_name = 'report' AND (theirs.table_name = 'runs' OR theirs.table_name = 'daily' AND mine.table_name[:3] = 'by_'))
WHERE mine.database_name = current_database() AND mine.schema_name IN ('raw', 'core', 'report') AND mine.comment IS NULL
GROUP BY ALL;
