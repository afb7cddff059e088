CREATE TABLE raw.record (
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    run_id VARCHAR,
    content VARCHAR NOT NULL,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp
);
COMMENT ON TABLE raw.record IS 'Every row that was read, as it came in, whatever became of it later.';
COMMENT ON COLUMN raw.record.source_file IS 'The file; relative to the data folder where it lies in it.';
COMMENT ON COLUMN raw.record.sha256 IS 'SHA-256 of the content of the file.';
COMMENT ON COLUMN raw.record.line IS 'Line of the file on which the row begins, 1 for the first.';
COMMENT ON COLUMN raw.record.run_id IS 'Run in core.run that the row belongs to; empty where it was refused.';
COMMENT ON COLUMN raw.record.content IS 'The row as JSON: the record itself, or the cells of a CSV row by column name.';
COMMENT ON COLUMN raw.record.loaded_at IS 'When it was loaded, UTC.';
