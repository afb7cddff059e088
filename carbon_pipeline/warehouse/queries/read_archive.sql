SELECT source_file, sha256, content FROM read_parquet(?, hive_partitioning = false);
