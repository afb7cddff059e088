CREATE OR REPLACE VIEW report.quarantine AS
SELECT source_file, line, reason, content, loaded_at
FROM raw.quarantine
ORDER BY loaded_at DESC, source_file, line;
COMMENT ON VIEW report.quarantine IS 'Rows that were rejected, the latest first: file, line and reason.';
COMMENT ON COLUMN report.quarantine.source_file IS 'File.';
COMMENT ON COLUMN report.quarantine.line IS 'Line of that file.';
COMMENT ON COLUMN report.quarantine.reason IS 'Why the row was rejected.';
COMMENT ON COLUMN report.quarantine.content IS 'The row, unmodified.';
COMMENT ON COLUMN report.quarantine.loaded_at IS 'When it was rejected, UTC.';
