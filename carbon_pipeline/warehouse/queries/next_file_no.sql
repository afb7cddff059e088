SELECT coalesce(max(file_no), 0) + 1 AS file_no FROM raw.loaded_file;
