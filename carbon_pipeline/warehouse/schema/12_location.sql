CREATE OR REPLACE VIEW core.location AS
SELECT DISTINCT
    location_id, country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region
FROM raw.context;
COMMENT ON VIEW core.location IS 'Where runs took place (BoAmps: environment).';
COMMENT ON COLUMN core.location.location_id IS 'Key, made from all other columns.';
