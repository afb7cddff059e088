SELECT run_id, source_file, country_iso_code, region, latitude, longitude
FROM report.runs
WHERE country_iso_code = 'CA' AND lower(region) = 'quebec' AND latitude = 46.8 AND longitude = -71.2;
