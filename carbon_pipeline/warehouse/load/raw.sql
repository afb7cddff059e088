INSERT INTO raw.record (source_file, line, content) SELECT source_file, line, content FROM inbox_row;
INSERT INTO raw.quarantine (source_file, line, reason, content) SELECT source_file, line, reason, content FROM refused;
