-- What is being loaded: files, their rows as they came in, and what was refused. row_no numbers the rows of all files.
CREATE OR REPLACE TEMP TABLE inbox_file (
    file_no INTEGER, source_file VARCHAR, sha256 VARCHAR, format VARCHAR, note VARCHAR, kept VARCHAR, fingerprint VARCHAR,
    rows_read BIGINT
);
CREATE OR REPLACE TEMP TABLE inbox_row (row_no BIGINT, file_no INTEGER, line BIGINT, content VARCHAR, record VARCHAR);
CREATE OR REPLACE TEMP TABLE refused (row_no BIGINT, file_no INTEGER, line BIGINT, reason VARCHAR, content VARCHAR);
