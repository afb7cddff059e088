-- What is being loaded: files, their rows as they came in, and what was refused.
CREATE OR REPLACE TEMP TABLE inbox_file (source_file VARCHAR, sha256 VARCHAR, format VARCHAR, rows_read BIGINT);
CREATE OR REPLACE TEMP TABLE inbox_row (sha256 VARCHAR, line BIGINT, content VARCHAR, record VARCHAR);
CREATE OR REPLACE TEMP TABLE refused (sha256 VARCHAR, line BIGINT, reason VARCHAR, content VARCHAR);
