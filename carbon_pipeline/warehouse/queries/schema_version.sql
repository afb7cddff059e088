SELECT version, views, coefficients FROM raw.schema_version;
