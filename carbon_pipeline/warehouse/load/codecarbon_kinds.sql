-- What many rows have in common, once; from the first $most rows of $source.
INSERT INTO raw_kind
SELECT DISTINCT
    coalesce($file_no, file_no) AS number,
    kind_of(country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
        codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, gpu_energy),
    country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
    codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue,
    gpu_count > 0 AND gpu_energy = 0
FROM (FROM query_table($source) LIMIT $most);
