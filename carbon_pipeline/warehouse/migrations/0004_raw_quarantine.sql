CREATE TABLE raw.quarantine (
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    content VARCHAR,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp
);
COMMENT ON TABLE raw.quarantine IS 'Rows that were refused, with the reason; nothing is dropped.';
COMMENT ON COLUMN raw.quarantine.source_file IS 'The file; relative to the data folder where it lies in it.';
COMMENT ON COLUMN raw.quarantine.sha256 IS 'SHA-256 of the content of the file.';
COMMENT ON COLUMN raw.quarantine.line IS 'Line of the file on which the row begins, 1 for the first.';
COMMENT ON COLUMN raw.quarantine.reason IS 'Why it was refused.';
COMMENT ON COLUMN raw.quarantine.content IS 'The row as it came in.';
COMMENT ON COLUMN raw.quarantine.loaded_at IS 'When it was refused, UTC.';
