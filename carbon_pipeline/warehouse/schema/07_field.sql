CREATE TABLE core.field (
    position INTEGER PRIMARY KEY,
    field VARCHAR NOT NULL,
    meaning VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    source_column VARCHAR NOT NULL,
    boamps_path VARCHAR NOT NULL,
    form_path VARCHAR NOT NULL,
    form_code VARCHAR NOT NULL,
    extraction VARCHAR NOT NULL
);
COMMENT ON TABLE core.field IS 'The 33 fields of the original document; filled from carbon_pipeline/model/fields.py.';
COMMENT ON COLUMN core.field.position IS 'Place in the file, 1 to 33.';
COMMENT ON COLUMN core.field.field IS 'Name of the field.';
COMMENT ON COLUMN core.field.meaning IS 'Its meaning.';
COMMENT ON COLUMN core.field.unit IS 'Its unit.';
COMMENT ON COLUMN core.field.source_column IS 'Column of report.runs that it comes from.';
COMMENT ON COLUMN core.field.boamps_path IS 'Place in a BoAmps report; NTBA where BoAmps has none.';
COMMENT ON COLUMN core.field.form_path IS 'Line of BoAmps'' report.txt.';
COMMENT ON COLUMN core.field.form_code IS 'Code in the BoAmps form.';
COMMENT ON COLUMN core.field.extraction IS 'How it is obtained here.';
