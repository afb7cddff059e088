SELECT max(loaded_at) AS loaded_at FROM raw.loaded_file;
