SELECT source_file, sha256, content FROM read_parquet($path, hive_partitioning = false);
