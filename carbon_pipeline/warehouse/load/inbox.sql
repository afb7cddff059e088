-- What is being loaded: files, their rows as they came in, and what was refused.
CREATE OR REPLACE TEMP TABLE inbox_file (source_file VARCHAR, sha256 VARCHAR, format VARCHAR, rows_read BIGINT);
CREATE OR REPLACE TEMP TABLE inbox_row (source_file VARCHAR, line BIGINT, content VARCHAR);
CREATE OR REPLACE TEMP TABLE refused (source_file VARCHAR, line BIGINT, reason VARCHAR, content VARCHAR);
