INSERT INTO core.location
SELECT DISTINCT location_id, country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region
FROM keyed
ON CONFLICT DO NOTHING;
