COPY archive TO $path (FORMAT parquet, COMPRESSION zstd); -- noqa: PRS
