CREATE TABLE core.location (
    location_id UUID PRIMARY KEY,
    country_name VARCHAR,
    country_iso_code VARCHAR CHECK (length(country_iso_code) = 2),
    region VARCHAR,
    latitude DOUBLE CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE CHECK (longitude BETWEEN -180 AND 180),
    cloud_provider VARCHAR,
    cloud_region VARCHAR
);
COMMENT ON TABLE core.location IS 'Where runs took place (BoAmps: environment).';
COMMENT ON COLUMN core.location.location_id IS 'Key, made from all other columns.';
COMMENT ON COLUMN core.location.country_name IS 'Country, English name; never a default.';
COMMENT ON COLUMN core.location.country_iso_code IS 'Country, two letters (ISO 3166-1 alpha-2).';
COMMENT ON COLUMN core.location.region IS 'Geographic region within the country.';
COMMENT ON COLUMN core.location.latitude IS 'Degrees north.';
COMMENT ON COLUMN core.location.longitude IS 'Degrees east.';
COMMENT ON COLUMN core.location.cloud_provider IS 'Cloud provider.';
COMMENT ON COLUMN core.location.cloud_region IS 'The provider''s own name of its region.';
