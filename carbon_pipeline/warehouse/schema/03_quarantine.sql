CREATE TABLE raw.quarantine (
    file_no INTEGER NOT NULL,
    source_file VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    content VARCHAR,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp
);
COMMENT ON TABLE raw.quarantine IS 'Rows that were rejected, with the reason; nothing is discarded.';
COMMENT ON COLUMN raw.quarantine.file_no IS 'Key to raw.loaded_file.';
COMMENT ON COLUMN raw.quarantine.source_file IS 'The file; relative to the data folder if it is in it.';
COMMENT ON COLUMN raw.quarantine.line IS 'Line of the file on which the row begins, 1 for the first.';
COMMENT ON COLUMN raw.quarantine.reason IS 'Why it was rejected.';
COMMENT ON COLUMN raw.quarantine.content IS 'The row, unmodified.';
COMMENT ON COLUMN raw.quarantine.loaded_at IS 'When it was rejected, UTC.';
