SELECT version, tables, views, coefficients FROM raw.schema_version;
