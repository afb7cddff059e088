-- Landed records: what many of them share.
INSERT INTO new_context BY NAME
SELECT
    * EXCLUDE (file_no, line),
    hash(file_no) AS context,
    false AS is_fallback,
    false AS is_code_converted,
    false AS has_discarded_value
FROM read_csv(
    $path, columns = $columns, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    strict_mode = true, null_padding = false, max_line_size = $longest, hive_partitioning = false
);
