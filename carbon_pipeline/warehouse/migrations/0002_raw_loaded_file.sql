CREATE TABLE raw.loaded_file (
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    format VARCHAR NOT NULL CHECK (format IN ('record', 'codecarbon_csv')),
    rows_read BIGINT NOT NULL,
    rows_loaded BIGINT NOT NULL,
    rows_superseded BIGINT NOT NULL,
    rows_quarantined BIGINT NOT NULL,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (source_file, sha256)
);
COMMENT ON TABLE raw.loaded_file IS 'Ledger: every file that has been loaded, with what became of its rows.';
COMMENT ON COLUMN raw.loaded_file.source_file IS 'The file; relative to the data folder where it lies in it.';
COMMENT ON COLUMN raw.loaded_file.sha256 IS 'SHA-256 of its content; the same content is never loaded twice.';
COMMENT ON COLUMN raw.loaded_file.format IS 'record: a landed JSON record; codecarbon_csv: a CSV file of CodeCarbon.';
COMMENT ON COLUMN raw.loaded_file.rows_read IS 'Rows found in the file: loaded + superseded + quarantined.';
COMMENT ON COLUMN raw.loaded_file.rows_loaded IS 'Rows that became a run, or brought a run up to date.';
COMMENT ON COLUMN raw.loaded_file.rows_superseded IS 'Rows of a run for which a later row counts; kept in raw.record.';
COMMENT ON COLUMN raw.loaded_file.rows_quarantined IS 'Rows that were refused; see raw.quarantine.';
COMMENT ON COLUMN raw.loaded_file.loaded_at IS 'When it was loaded, UTC.';
