-- Rows of clean files that DuckDB did not take, with their first cell that it could not read.
SELECT csv_line, arg_min(column_name, column_idx) AS column_name, arg_min(error_message, column_idx) AS error_message
FROM reject_errors
GROUP BY csv_line, line;
