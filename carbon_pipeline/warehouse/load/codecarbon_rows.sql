-- Rows of CodeCarbon's CSV files as text, blanks around them removed and empty cells NULL.
-- $countries is a JSON array of countries (ISO 3166-1).
CREATE OR REPLACE TEMP TABLE codecarbon_row AS
WITH cell AS (
    SELECT sha256, line, content, unnest(from_json(content, '{
        "timestamp": "VARCHAR", "run_id": "VARCHAR", "experiment_id": "VARCHAR", "project_name": "VARCHAR",
        "duration": "VARCHAR", "emissions": "VARCHAR", "emissions_rate": "VARCHAR",
        "cpu_energy": "VARCHAR", "gpu_energy": "VARCHAR", "ram_energy": "VARCHAR", "energy_consumed": "VARCHAR",
        "country_name": "VARCHAR", "country_iso_code": "VARCHAR", "region": "VARCHAR",
        "longitude": "VARCHAR", "latitude": "VARCHAR", "cloud_provider": "VARCHAR", "cloud_region": "VARCHAR",
        "os": "VARCHAR", "python_version": "VARCHAR", "codecarbon_version": "VARCHAR",
        "cpu_count": "VARCHAR", "cpu_model": "VARCHAR", "gpu_count": "VARCHAR", "gpu_model": "VARCHAR",
        "ram_total_size": "VARCHAR", "tracking_mode": "VARCHAR", "pue": "VARCHAR"
    }'))
    FROM inbox_row
    JOIN inbox_file AS file USING (sha256)
    WHERE file.format = 'codecarbon_csv'
), trimmed AS (
    SELECT sha256, line, content, nullif(trim(COLUMNS(* EXCLUDE (sha256, line, content))), '')
    FROM cell
)
SELECT
    trimmed.* EXCLUDE (country_iso_code),
    try_cast(timestamp AS TIMESTAMPTZ) AS ended_at,
    try_cast(duration AS DOUBLE) AS duration_s,
    try_cast(energy_consumed AS DOUBLE) AS total_kwh,
    try_cast(cpu_energy AS DOUBLE) AS cpu_kwh,
    try_cast(gpu_energy AS DOUBLE) AS gpu_kwh,
    try_cast(ram_energy AS DOUBLE) AS ram_kwh,
    try_cast(emissions AS DOUBLE) AS emissions_kg,
    -- What CodeCarbon writes when it could not find out where it was.
    lower(trimmed.country_iso_code) IN ('can', 'ca') AND lower(region) = 'quebec'
        AND try_cast(latitude AS DOUBLE) = 46.8 AND try_cast(longitude AS DOUBLE) = -71.2 AS is_fallback,
    country.alpha_2 AS country_iso_code
FROM trimmed
LEFT JOIN (
    SELECT unnest(from_json($countries, '[{"alpha_2": "VARCHAR", "alpha_3": "VARCHAR"}]'), recursive := true)
) AS country ON upper(trimmed.country_iso_code) IN (country.alpha_3, country.alpha_2);
