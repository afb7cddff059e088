INSERT OR REPLACE INTO raw.schema_version VALUES ($version, $tables, $views, $coefficients);
