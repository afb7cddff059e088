INSERT OR REPLACE INTO raw.schema_version VALUES ($version, $views, $coefficients);
