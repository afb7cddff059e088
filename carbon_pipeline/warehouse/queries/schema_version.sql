SELECT version, views FROM raw.schema_version;
