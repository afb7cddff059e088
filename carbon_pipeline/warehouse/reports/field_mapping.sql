CREATE OR REPLACE VIEW report.field_mapping AS
SELECT field, meaning, unit, extraction AS source, source_column, boamps_path, form_path, form_code
FROM core.field
ORDER BY position;
COMMENT ON VIEW report.field_mapping IS 'The 33 fields of the original document, and where each is in report.runs and in BoAmps.';
COMMENT ON COLUMN report.field_mapping.source IS 'How it is found out here.';
