-- The kinds of rows: everything about a row that many share, cleaned once for all of them. The columns that begin with
-- `raw_` are those of the file. $countries is a JSON array of countries (ISO 3166-1).
CREATE OR REPLACE TEMP TABLE kind AS
WITH clean AS (
    SELECT
        *,
        -- What CodeCarbon writes when it could not find out where it was.
        coalesce(lower(without_blanks(raw_country_iso_code)) IN ('can', 'ca') AND lower(without_blanks(raw_region)) = 'quebec'
            AND raw_latitude = 46.8 AND raw_longitude = -71.2, false) AS is_fallback,
        without_blanks(raw_country_name) AS given_name,
        upper(without_blanks(raw_country_iso_code)) AS given_code,
        without_blanks(raw_region) AS given_region,
        without_blanks(raw_cloud_provider) AS given_provider,
        without_blanks(raw_cloud_region) AS given_cloud_region,
        lower(without_blanks(raw_tracking_mode)) AS given_mode,
        without_blanks(raw_os) AS os,
        without_blanks(raw_python_version) AS python_version,
        without_blanks(raw_codecarbon_version) AS codecarbon_version,
        without_blanks(raw_cpu_model) AS cpu_model,
        without_blanks(raw_gpu_model) AS gpu_model,
        -- pandas writes a whole number as 2.0 where the column has gaps
        CASE WHEN raw_cpu_count BETWEEN 1 AND 1e6 AND raw_cpu_count = floor(raw_cpu_count) THEN raw_cpu_count::INTEGER END AS cpu_count,
        CASE WHEN raw_gpu_count BETWEEN 0 AND 1e6 AND raw_gpu_count = floor(raw_gpu_count) THEN raw_gpu_count::INTEGER END AS gpu_count,
        CASE WHEN raw_ram_total_size BETWEEN 0 AND 1e9 THEN raw_ram_total_size END AS ram_gb,
        CASE WHEN raw_pue BETWEEN 1 AND 100 THEN raw_pue END AS pue
    FROM raw_kind
), placed AS (
    SELECT
        clean.*,
        CASE WHEN NOT is_fallback THEN given_name END AS country_name,
        CASE WHEN NOT is_fallback THEN country.alpha_2 END AS country_iso_code,
        CASE WHEN NOT is_fallback THEN given_region END AS region,
        CASE WHEN NOT is_fallback AND raw_latitude BETWEEN -90 AND 90 THEN raw_latitude END AS latitude,
        CASE WHEN NOT is_fallback AND raw_longitude BETWEEN -180 AND 180 THEN raw_longitude END AS longitude,
        CASE WHEN lower(given_provider) <> 'none' THEN given_provider END AS cloud_provider,
        CASE WHEN lower(given_cloud_region) <> 'none' THEN given_cloud_region END AS cloud_region,
        CASE WHEN given_mode IN ('machine', 'process') THEN given_mode END AS tracking_mode
    FROM clean
    LEFT JOIN (
        SELECT unnest(from_json($countries, '[{"alpha_2": "VARCHAR", "alpha_3": "VARCHAR"}]'), recursive := true)
    ) AS country ON given_code IN (country.alpha_3, country.alpha_2)
)
SELECT
    *,
    CASE WHEN raw_gpu_is_silent THEN 0 END AS gpu_tracked_count,
    NOT is_fallback AND length(given_code) = 3 AND country_iso_code IS NOT NULL AS is_code_converted,
    coalesce(NOT is_fallback AND given_code IS NOT NULL AND country_iso_code IS NULL, false)
        OR coalesce(NOT is_fallback AND raw_latitude IS NOT NULL AND latitude IS NULL, false)
        OR coalesce(NOT is_fallback AND raw_longitude IS NOT NULL AND longitude IS NULL, false)
        OR coalesce(raw_cpu_count IS NOT NULL AND cpu_count IS NULL, false)
        OR coalesce(raw_gpu_count IS NOT NULL AND gpu_count IS NULL, false)
        OR coalesce(raw_ram_total_size IS NOT NULL AND ram_gb IS NULL, false)
        OR coalesce(raw_pue IS NOT NULL AND pue IS NULL, false)
        OR coalesce(given_mode IS NOT NULL AND tracking_mode IS NULL, false) AS has_left_out,
    coalesce(min(tracking_mode) OVER (PARTITION BY file_no) <> max(tracking_mode) OVER (PARTITION BY file_no), false)
        AS has_mixed_modes,
    NULL::VARCHAR AS distribution,
    NULL::VARCHAR AS distribution_version,
    NULL::VARCHAR AS host,
    NULL::INTEGER AS cpu_physical_count,
    NULL::DOUBLE AS gpu_memory_gb,
    NULL::VARCHAR AS gpu_driver,
    NULL::VARCHAR AS machine_kind,
    hardware_key(NULL, cpu_model, cpu_count, NULL, gpu_model, gpu_count, NULL, NULL, ram_gb, NULL) AS hardware_id,
    location_key(country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region) AS location_id,
    software_key(os, NULL, NULL, python_version, codecarbon_version) AS software_id
FROM placed;
