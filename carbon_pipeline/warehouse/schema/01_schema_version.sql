CREATE SCHEMA raw;
CREATE SCHEMA core;
CREATE SCHEMA report;
CREATE TABLE raw.schema_version (
    version INTEGER PRIMARY KEY,
    tables VARCHAR NOT NULL,
    views VARCHAR NOT NULL,
    coefficients VARCHAR NOT NULL
);
COMMENT ON TABLE raw.schema_version IS 'Version of the schema of this database.';
COMMENT ON COLUMN raw.schema_version.version IS 'Number; a warehouse of another one is rebuilt from the stored source files.';
COMMENT ON COLUMN raw.schema_version.tables IS 'Hash of the text of the tables; another one is another schema, too.';
COMMENT ON COLUMN raw.schema_version.views IS 'Hash of the text of the views; they are created anew when it changes.';
COMMENT ON COLUMN raw.schema_version.coefficients IS 'Hash of the interval model; raw.coefficients is recomputed when it changes.';
