-- What many rows share, once; from the first $most rows.
INSERT INTO staged_context
SELECT DISTINCT
    context_of(country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
        codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, wue, extra)
        AS context,
    country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
    codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, wue, extra
FROM (SELECT * FROM clean_rows($nothing, $every_column, $path, $columns, $has_header, $longest) LIMIT $most)
WHERE context NOT IN (SELECT context FROM staged_context);
