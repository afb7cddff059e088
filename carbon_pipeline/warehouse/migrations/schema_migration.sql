-- Made before all others and never changed: it says which migrations have been applied.
CREATE TABLE IF NOT EXISTS schema_migration (
    version INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    duckdb_version VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT current_timestamp
);
COMMENT ON TABLE schema_migration IS 'Migrations that have been applied to this database.';
COMMENT ON COLUMN schema_migration.version IS 'Number of the migration.';
COMMENT ON COLUMN schema_migration.name IS 'File name of the migration, without .sql.';
COMMENT ON COLUMN schema_migration.sha256 IS 'SHA-256 of the file as it was applied.';
COMMENT ON COLUMN schema_migration.duckdb_version IS 'Version of DuckDB that applied it.';
COMMENT ON COLUMN schema_migration.applied_at IS 'When it was applied, UTC.';
