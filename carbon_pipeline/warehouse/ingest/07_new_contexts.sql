-- The shared parts of CodeCarbon's rows, cleaned, in the columns of raw.context. $countries is a JSON array (ISO 3166-1).
CREATE OR REPLACE TEMP TABLE new_context AS
WITH given AS (
    SELECT
        context,
        clean_text(country_name) AS given_name,
        upper(clean_text(country_iso_code)) AS given_code,
        clean_text(region) AS given_region,
        clean_text(cloud_provider) AS given_provider,
        clean_text(cloud_region) AS given_cloud_region,
        lower(clean_text(tracking_mode)) AS given_mode,
        clean_text(extra) AS methods,
        codecarbon_version IS NULL AS is_before_2_2,
        latitude AS given_latitude, longitude AS given_longitude,
        cpu_count AS given_cpu_count, gpu_count AS given_gpu_count, ram_total_size AS given_ram_gb,
        pue AS given_pue, wue AS given_wue,
        clean_text(os) AS os, clean_text(python_version) AS python_version,
        clean_text(codecarbon_version) AS codecarbon_version,
        clean_text(cpu_model) AS cpu_model, clean_text(gpu_model) AS gpu_model
    FROM staged_context
), country AS (
    SELECT unnest(from_json($countries, '[{"alpha_2": "VARCHAR", "alpha_3": "VARCHAR", "name": "VARCHAR"}]'), recursive := true)
), coded AS (
    SELECT
        given.*,
        -- CodeCarbon has written SWI for Sweden: where name and code disagree, the name decides.
        CASE WHEN given_code IS NOT NULL THEN coalesce(by_name.alpha_2, by_code.alpha_2) END AS found_code,
        given_code IS NOT NULL AND by_code.alpha_2 IS NULL AS has_wrong_code
    FROM given
    LEFT JOIN country AS by_code ON given_code IN (by_code.alpha_3, by_code.alpha_2)
    LEFT JOIN country AS by_name ON lower(given_name) = lower(by_name.name)
), placed AS (
    SELECT
        *,
        -- What CodeCarbon writes when it could not find out where it was: Quebec; before 2.2, Canada and nothing else.
        coalesce(found_code = 'CA' AND (
            lower(given_region) = 'quebec' AND given_latitude = 46.8 AND given_longitude = -71.2
            OR is_before_2_2 AND methods IS NULL AND given_region IS NULL AND given_latitude IS NULL
                AND given_longitude IS NULL AND given_provider IS NULL
        ), false) AS is_fallback
    FROM coded
), cleaned AS (
    SELECT
        context,
        'csv' AS source,
        cpu_model,
        -- pandas writes a whole number as 2.0 where the column has gaps
        CASE WHEN given_cpu_count BETWEEN 1 AND 1e6 AND given_cpu_count = floor(given_cpu_count) THEN given_cpu_count::INTEGER END
            AS cpu_count,
        gpu_model,
        CASE WHEN given_gpu_count BETWEEN 0 AND 1e6 AND given_gpu_count = floor(given_gpu_count) THEN given_gpu_count::INTEGER END
            AS gpu_count,
        CASE WHEN given_ram_gb BETWEEN 0 AND 1e9 THEN given_ram_gb END AS ram_gb,
        CASE WHEN NOT is_fallback THEN given_name END AS country_name,
        CASE WHEN NOT is_fallback THEN found_code END AS country_iso_code,
        CASE WHEN NOT is_fallback THEN given_region END AS region,
        CASE WHEN NOT is_fallback AND given_latitude BETWEEN -90 AND 90 THEN given_latitude END AS latitude,
        CASE WHEN NOT is_fallback AND given_longitude BETWEEN -180 AND 180 THEN given_longitude END AS longitude,
        CASE WHEN lower(given_provider) <> 'none' THEN given_provider END AS cloud_provider,
        CASE WHEN lower(given_cloud_region) <> 'none' THEN given_cloud_region END AS cloud_region,
        CASE WHEN is_fallback OR found_code IS NULL THEN 'unknown' ELSE 'csv' END AS location_source,
        os, python_version, codecarbon_version,
        'codecarbon' AS meter,
        -- The 33 fields have the methods in `extra`.
        coalesce(nullif(regexp_extract(methods, 'cpu=(\w+)', 1), ''), 'unknown') AS cpu_method,
        coalesce(nullif(regexp_extract(methods, 'gpu=(\w+)', 1), ''), 'unknown') AS gpu_method,
        coalesce(nullif(regexp_extract(methods, 'ram=(\w+)', 1), ''), 'unknown') AS ram_method,
        CASE WHEN given_mode IN ('machine', 'process') THEN given_mode END AS tracking_mode,
        CASE WHEN given_pue BETWEEN 1 AND 100 THEN given_pue END AS pue,
        CASE WHEN given_wue BETWEEN 0 AND 1000 THEN given_wue END AS wue_l_per_kwh,
        CASE WHEN is_fallback THEN 'world_average' ELSE 'csv' END AS intensity_source,
        is_fallback,
        coalesce(NOT is_fallback AND length(given_code) = 3 AND NOT has_wrong_code, false) AS is_code_converted,
        NOT is_fallback AND has_wrong_code
            OR coalesce(NOT is_fallback AND given_latitude IS NOT NULL AND latitude IS NULL, false)
            OR coalesce(NOT is_fallback AND given_longitude IS NOT NULL AND longitude IS NULL, false)
            OR coalesce(given_cpu_count IS NOT NULL AND cpu_count IS NULL, false)
            OR coalesce(given_gpu_count IS NOT NULL AND gpu_count IS NULL, false)
            OR coalesce(given_ram_gb IS NOT NULL AND ram_gb IS NULL, false)
            OR coalesce(given_pue IS NOT NULL AND pue IS NULL, false)
            OR coalesce(given_wue IS NOT NULL AND wue_l_per_kwh IS NULL, false)
            OR coalesce(given_mode IS NOT NULL AND tracking_mode IS NULL, false) AS has_discarded_value
    FROM placed
)
SELECT * FROM (SELECT NULL::UBIGINT AS context, * EXCLUDE (context_no, context_key) FROM raw.context LIMIT 0)
UNION ALL BY NAME
SELECT * FROM cleaned;
