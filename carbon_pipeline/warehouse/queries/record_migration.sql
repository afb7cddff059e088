INSERT INTO schema_migration (version, name, sha256, duckdb_version) VALUES ($version, $name, $sha256, $duckdb_version);
