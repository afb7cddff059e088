SELECT count(*) = 0 AS is_empty FROM raw.loaded_file;
