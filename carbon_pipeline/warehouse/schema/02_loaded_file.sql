CREATE TABLE raw.loaded_file (
    file_no INTEGER PRIMARY KEY,
    source_file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    same_as INTEGER,
    format VARCHAR NOT NULL CHECK (format IN ('record', 'codecarbon_csv', 'rejected')),
    rows_read BIGINT NOT NULL,
    has_mixed_modes BOOLEAN NOT NULL DEFAULT false,
    timezone VARCHAR,
    note VARCHAR,
    kept VARCHAR,
    fingerprint VARCHAR,
    loaded_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp,
    UNIQUE (source_file, sha256)
);
COMMENT ON TABLE raw.loaded_file IS 'Ledger: every file that was loaded or rejected. report.files has what became of its rows.';
COMMENT ON COLUMN raw.loaded_file.file_no IS 'Number of the file, in the order of loads.';
COMMENT ON COLUMN raw.loaded_file.source_file IS 'The file; relative to the data folder if it is in it.';
COMMENT ON COLUMN raw.loaded_file.sha256 IS 'SHA-256 of its content; the same content is never loaded twice.';
COMMENT ON COLUMN raw.loaded_file.same_as IS 'Number of the file with the same content that was loaded first; empty for that one.';
COMMENT ON COLUMN raw.loaded_file.format IS 'record (landed, JSON), codecarbon_csv, or rejected (neither, see note).';
COMMENT ON COLUMN raw.loaded_file.rows_read IS 'Rows found in the file; each is in raw.measurement or in raw.quarantine.';
COMMENT ON COLUMN raw.loaded_file.has_mixed_modes IS 'Whether the file contains runs of both tracking modes.';
COMMENT ON COLUMN raw.loaded_file.timezone IS 'Time zone of the times in the file that have none; empty for UTC.';
COMMENT ON COLUMN raw.loaded_file.note IS 'What was odd about the file as a whole.';
COMMENT ON COLUMN raw.loaded_file.kept IS 'Name in inbox/kept of the copy of its content; empty for records, which are in landing.';
COMMENT ON COLUMN raw.loaded_file.fingerprint IS 'Size and time of change of a file in the inbox, by which a change is detected.';
COMMENT ON COLUMN raw.loaded_file.loaded_at IS 'When it was loaded, UTC.';
