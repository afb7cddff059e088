INSERT INTO raw.record (source_file, sha256, line, run_id, content)
SELECT file.source_file, sha256, row.line, stage.run_id, row.content
FROM inbox_row AS row
JOIN inbox_file AS file USING (sha256)
LEFT JOIN stage USING (sha256, line);
INSERT INTO raw.quarantine (source_file, sha256, line, reason, content)
SELECT file.source_file, sha256, refused.line, refused.reason, refused.content
FROM refused
JOIN inbox_file AS file USING (sha256);
