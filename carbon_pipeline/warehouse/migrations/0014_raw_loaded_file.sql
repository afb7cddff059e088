-- Made anew for files of any format, with what happened to the file as a whole and where its copy lies.
CREATE TABLE raw.loaded_file_next (
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
INSERT INTO raw.loaded_file_next BY NAME
SELECT
    file.*,
    -- Rows that another file's row has taken the place of since.
    CASE WHEN row_number() OVER (PARTITION BY source_file ORDER BY rows_loaded DESC, sha256) = 1
        THEN sum(rows_loaded) OVER (PARTITION BY source_file) - coalesce(run.rows, 0) ELSE 0 END AS rows_replaced,
    CASE WHEN EXISTS (FROM raw.record WHERE record.source_file = file.source_file AND record.sha256 = file.sha256)
        THEN rows_loaded + rows_superseded ELSE 0 END AS rows_in_raw
FROM raw.loaded_file AS file
LEFT JOIN (SELECT source_file, count(*) AS rows FROM core.run GROUP BY ALL) AS run USING (source_file);
DROP TABLE raw.loaded_file;
ALTER TABLE raw.loaded_file_next RENAME TO loaded_file;
COMMENT ON TABLE raw.loaded_file IS 'Ledger: every file that has been loaded or refused, with what became of its rows.';
COMMENT ON COLUMN raw.loaded_file.source_file IS 'The file; relative to the data folder where it lies in it.';
COMMENT ON COLUMN raw.loaded_file.sha256 IS 'SHA-256 of its content; the same content is never loaded twice.';
COMMENT ON COLUMN raw.loaded_file.format IS 'record: a landed JSON record; codecarbon_csv: a CSV file of CodeCarbon; refused: neither, note says why.';
COMMENT ON COLUMN raw.loaded_file.rows_read IS 'Rows found in the file: loaded + superseded + quarantined.';
COMMENT ON COLUMN raw.loaded_file.rows_loaded IS 'Rows that became a run, or brought a run up to date.';
COMMENT ON COLUMN raw.loaded_file.rows_superseded IS 'Rows of a run for which another row counts; kept in raw.record.';
COMMENT ON COLUMN raw.loaded_file.rows_quarantined IS 'Rows that were refused; see raw.quarantine.';
COMMENT ON COLUMN raw.loaded_file.rows_replaced IS 'Of the loaded rows, those whose place a row of a later load has taken.';
COMMENT ON COLUMN raw.loaded_file.rows_in_raw IS 'Rows that raw.record holds: all but the quarantined ones, or, of a large file, the superseded ones; the file itself is kept.';
COMMENT ON COLUMN raw.loaded_file.note IS 'What was odd about the file as a whole.';
COMMENT ON COLUMN raw.loaded_file.kept IS 'Name in inbox/kept under which its content is kept; empty for records, which lie in landing.';
COMMENT ON COLUMN raw.loaded_file.fingerprint IS 'Size and time of change of a file in the inbox, by which a change is seen.';
COMMENT ON COLUMN raw.loaded_file.loaded_at IS 'When it was loaded, UTC.';
