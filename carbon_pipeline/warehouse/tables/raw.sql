-- The ledger of loaded files, their rows, and the rows that were rejected.
CREATE SCHEMA raw;
CREATE TABLE raw.schema_version (
    version INTEGER PRIMARY KEY,
    views VARCHAR NOT NULL
);
COMMENT ON TABLE raw.schema_version IS 'Version of the schema of this database.';
COMMENT ON COLUMN raw.schema_version.version IS 'Number; a warehouse of another one is rebuilt from the stored source files.';
COMMENT ON COLUMN raw.schema_version.views IS 'Hash of what the views were made from; they are made anew when it changes.';
CREATE TABLE raw.loaded_file (
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    rows_read BIGINT NOT NULL,
    rows_loaded BIGINT NOT NULL,
    rows_superseded BIGINT NOT NULL,
    rows_quarantined BIGINT NOT NULL,
    rows_replaced BIGINT NOT NULL DEFAULT 0,
    rows_in_raw BIGINT NOT NULL,
    note VARCHAR,
    kept VARCHAR,
    fingerprint VARCHAR,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (source_file, sha256)
);
COMMENT ON TABLE raw.loaded_file IS 'Ledger: every file that was loaded or rejected, with what became of its rows.';
COMMENT ON COLUMN raw.loaded_file.source_file IS 'The file; relative to the data folder if it is in it.';
COMMENT ON COLUMN raw.loaded_file.sha256 IS 'SHA-256 of its content; the same content is never loaded twice.';
COMMENT ON COLUMN raw.loaded_file.format IS 'record: a landed JSON record; codecarbon_csv: a CSV file of CodeCarbon; refused: neither, see note.';
COMMENT ON COLUMN raw.loaded_file.rows_read IS 'Rows found in the file: loaded + superseded + quarantined.';
COMMENT ON COLUMN raw.loaded_file.rows_loaded IS 'Rows that became a run, or brought a run up to date.';
COMMENT ON COLUMN raw.loaded_file.rows_superseded IS 'Rows of a run for which another row counts; kept in raw.record.';
COMMENT ON COLUMN raw.loaded_file.rows_quarantined IS 'Rows that were rejected; see raw.quarantine.';
COMMENT ON COLUMN raw.loaded_file.rows_replaced IS 'Of the loaded rows, those that a row of a later load has replaced.';
COMMENT ON COLUMN raw.loaded_file.rows_in_raw IS 'Rows in raw.record: all but the quarantined ones; of a large file, whose copy is kept, the superseded ones.';
COMMENT ON COLUMN raw.loaded_file.note IS 'What was odd about the file as a whole.';
COMMENT ON COLUMN raw.loaded_file.kept IS 'Name in inbox/kept of the copy of its content; empty for records, which are in landing.';
COMMENT ON COLUMN raw.loaded_file.fingerprint IS 'Size and time of change of a file in the inbox, by which a change is detected.';
COMMENT ON COLUMN raw.loaded_file.loaded_at IS 'When it was loaded, UTC.';
CREATE TABLE raw.record (
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    run_id VARCHAR,
    content VARCHAR NOT NULL,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp
);
COMMENT ON TABLE raw.record IS 'Every row that was read, unmodified, whatever became of it later.';
COMMENT ON COLUMN raw.record.source_file IS 'The file; relative to the data folder if it is in it.';
COMMENT ON COLUMN raw.record.sha256 IS 'SHA-256 of the content of the file.';
COMMENT ON COLUMN raw.record.line IS 'Line of the file on which the row begins, 1 for the first.';
COMMENT ON COLUMN raw.record.run_id IS 'Run in core.run that the row belongs to; empty where it was rejected.';
COMMENT ON COLUMN raw.record.content IS 'The row as JSON: the record itself, or the cells of a CSV row by column name.';
COMMENT ON COLUMN raw.record.loaded_at IS 'When it was loaded, UTC.';
CREATE TABLE raw.quarantine (
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    content VARCHAR,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp
);
COMMENT ON TABLE raw.quarantine IS 'Rows that were rejected, with the reason; nothing is discarded.';
COMMENT ON COLUMN raw.quarantine.source_file IS 'The file; relative to the data folder if it is in it.';
COMMENT ON COLUMN raw.quarantine.sha256 IS 'SHA-256 of the content of the file.';
COMMENT ON COLUMN raw.quarantine.line IS 'Line of the file on which the row begins, 1 for the first.';
COMMENT ON COLUMN raw.quarantine.reason IS 'Why it was rejected.';
COMMENT ON COLUMN raw.quarantine.content IS 'The row, unmodified.';
COMMENT ON COLUMN raw.quarantine.loaded_at IS 'When it was rejected, UTC.';
