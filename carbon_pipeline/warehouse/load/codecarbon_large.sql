-- A large file as DuckDB reads it itself; `large` holds its path and the types of its columns.
CREATE OR REPLACE TEMP VIEW codecarbon_large AS
SELECT * FROM codecarbon_typed WHERE false
UNION ALL BY NAME
SELECT *
FROM read_csv(
    getvariable('large').path, columns = getvariable('large').columns, auto_detect = false, header = true, delim = ',',
    quote = '"', escape = '"', strict_mode = true, null_padding = false, max_line_size = 2097152,
    hive_partitioning = false, store_rejects = true, rejects_limit = 0
);
