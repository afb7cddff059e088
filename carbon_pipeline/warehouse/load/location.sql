INSERT INTO core.location BY NAME
SELECT location_id, country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region FROM kind
UNION
SELECT location_id, country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region FROM record_dimension
ON CONFLICT DO NOTHING;
