CREATE TEMP TABLE archive (source_file VARCHAR, sha256 VARCHAR, content VARCHAR);
