SELECT version FROM raw.schema_version;
