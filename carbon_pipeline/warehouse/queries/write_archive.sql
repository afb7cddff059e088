COPY archive TO ? (FORMAT parquet, COMPRESSION zstd);
