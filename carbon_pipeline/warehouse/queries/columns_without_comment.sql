-- Columns without a comment of their own, and the comment of another column of the same name: in report.daily, whose sums an
-- aggregate (a view that counts runs) has too; else in core, raw or report.runs.
WITH columns AS (
    SELECT *, bool_or(column_name = 'runs') OVER (PARTITION BY schema_name, table_name) AS is_aggregate
    FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name IN ('raw', 'core', 'report')
)
SELECT
    mine.schema_name AS schema,
    mine.table_name AS relation,
    mine.column_name AS name,
    first(theirs.comment) FILTER (theirs.table_name = 'daily' AND mine.is_aggregate) AS summed,
    first(theirs.comment ORDER BY theirs.table_name <> 'run', theirs.schema_name, theirs.table_name)
        FILTER (theirs.table_name <> 'daily') AS comment
FROM columns AS mine
LEFT JOIN columns AS theirs ON theirs.column_name = mine.column_name AND theirs.comment IS NOT NULL
    AND (theirs.schema_name IN ('core', 'raw') OR theirs.table_name IN ('runs', 'daily'))
WHERE mine.comment IS NULL
GROUP BY ALL;
