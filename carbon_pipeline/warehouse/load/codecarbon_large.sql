-- A large file, read by DuckDB itself: $columns are its columns with their types, $wanted those of codecarbon_row.
INSERT INTO codecarbon_row BY NAME
SELECT $file_no AS file_no, trim(run_id) AS run_key, COLUMNS(lambda name: list_contains($wanted, name))
FROM read_csv(
    $path, columns = $columns, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    strict_mode = true, null_padding = false, max_line_size = 2097152, hive_partitioning = false,
    store_rejects = true, rejects_limit = 0
);
