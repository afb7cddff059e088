INSERT INTO raw.schema_version VALUES ($version);
