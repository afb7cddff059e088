CREATE OR REPLACE VIEW report.field_mapping AS
SELECT field, meaning, unit, source_column, boamps_path, form_path, form_code
FROM core.field
ORDER BY position;
COMMENT ON VIEW report.field_mapping IS 'The 33 fields of the original document: meaning, unit, column of report.runs, BoAmps path, form path and code.';
