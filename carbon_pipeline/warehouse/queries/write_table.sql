COPY ( -- noqa: PRS
    FROM read_json(
        getvariable('lines').path, columns = getvariable('lines').columns, format = 'newline_delimited', auto_detect = false
    )
) TO $path (FORMAT parquet, COMPRESSION zstd);
