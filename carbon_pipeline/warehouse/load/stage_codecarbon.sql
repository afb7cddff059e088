-- From CodeCarbon's columns to ours. $world_average_g_per_kwh stands in where the place is CodeCarbon's fallback.
INSERT INTO stage BY NAME
WITH kept AS (
    SELECT
        *,
        cpu_kwh + gpu_kwh + ram_kwh AS parts_kwh,
        -- The sum of the parts where all are there (as the file rounds it), else the total, else what there is of parts.
        coalesce(
            CASE WHEN abs(total_kwh - parts_kwh) <= 1e-6 * total_kwh THEN total_kwh ELSE parts_kwh END,
            total_kwh,
            CASE WHEN coalesce(cpu_kwh, gpu_kwh, ram_kwh) IS NOT NULL
                THEN coalesce(cpu_kwh, 0) + coalesce(gpu_kwh, 0) + coalesce(ram_kwh, 0) END
        ) AS energy_kwh,
        -- What the emissions of the file were reckoned with; below these bounds a quotient has no meaning.
        CASE WHEN coalesce(total_kwh, energy_kwh) > 1e-15 THEN coalesce(total_kwh, energy_kwh) END AS basis_kwh,
        CASE WHEN duration_s > 1e-6 THEN duration_s END AS span_s
    FROM codecarbon_row
    ANTI JOIN refused USING (sha256, line)
), placed AS (
    SELECT
        * EXCLUDE (emissions_kg),
        CASE WHEN is_fallback THEN energy_kwh * $world_average_g_per_kwh / 1000 ELSE emissions_kg END AS emissions_kg,
        emissions_kg AS emissions_of_the_file_kg
    FROM kept
)
SELECT
    sha256,
    line,
    CASE
        WHEN run_id <> $default_experiment_id THEN run_id
        -- CodeCarbon 1.x has no run_id: there the experiment_id is new for each run.
        WHEN run_id IS NULL AND codecarbon_version IS NULL AND tracking_mode IS NULL
            AND experiment_id <> $default_experiment_id THEN experiment_id
        ELSE md5(concat_ws('|', timestamp, project_name, duration, emissions, energy_consumed, os, cpu_model))
    END AS run_id,
    project_name AS name,
    project_name,
    nullif(experiment_id, $default_experiment_id) AS experiment_id,
    'completed' AS status,
    'csv' AS source,
    list_filter([
        CASE WHEN is_fallback THEN 'fallback_location' END,
        CASE WHEN duration_s < $short_run_s THEN 'short_run' END,
        CASE WHEN $default_experiment_id IN (run_id, experiment_id) THEN 'default_experiment_id' END,
        CASE WHEN try_cast(emissions_rate AS DOUBLE) * duration_s
            BETWEEN 900 * try_cast(emissions AS DOUBLE) AND 1100 * try_cast(emissions AS DOUBLE)
            AND try_cast(emissions AS DOUBLE) > 0 THEN 'rate_rescaled' END,
        CASE WHEN energy_kwh IS NULL OR (parts_kwh IS NULL AND coalesce(cpu_kwh, gpu_kwh, ram_kwh) IS NOT NULL)
            THEN 'energy_missing' END,
        CASE WHEN abs(total_kwh - parts_kwh) > 1e-6 * total_kwh THEN 'parts_do_not_add_up' END,
        CASE WHEN gpu_kwh = 0 AND try_cast(gpu_count AS DOUBLE) > 0 THEN 'gpu_not_measured' END
    ], lambda flag: flag IS NOT NULL) AS flags,
    ended_at - to_microseconds((duration_s * 1e6)::BIGINT) AS started_at,
    ended_at,
    duration_s,
    cpu_kwh AS cpu_energy_kwh,
    gpu_kwh AS gpu_energy_kwh,
    ram_kwh AS ram_energy_kwh,
    energy_kwh,
    -- CodeCarbon's own power is a mean of samples that does not fit its energy: 1 kWh = 3.6e6 J.
    cpu_kwh * 3.6e6 / span_s AS cpu_power_w,
    gpu_kwh * 3.6e6 / span_s AS gpu_power_w,
    ram_kwh * 3.6e6 / span_s AS ram_power_w,
    emissions_kg,
    emissions_kg / span_s AS emissions_rate_kg_per_s,
    CASE WHEN is_fallback THEN $world_average_g_per_kwh ELSE emissions_of_the_file_kg / basis_kwh * 1000 END
        AS carbon_intensity_g_per_kwh,
    CASE WHEN is_fallback THEN 'world_average' WHEN emissions_kg IS NULL OR basis_kwh IS NULL THEN 'unknown' ELSE 'csv' END
        AS intensity_source,
    CASE WHEN is_fallback OR country_iso_code IS NULL THEN 'unknown' ELSE 'csv' END AS location_source,
    'unknown' AS cpu_method,
    'unknown' AS gpu_method,
    'unknown' AS ram_method,
    'codecarbon' AS meter,
    CASE WHEN lower(tracking_mode) IN ('machine', 'process') THEN lower(tracking_mode) END AS tracking_mode,
    CASE WHEN try_cast(pue AS DOUBLE) >= 1 AND isfinite(try_cast(pue AS DOUBLE)) THEN pue::DOUBLE END AS pue,
    CASE WHEN NOT coalesce(is_fallback, false) THEN country_name END AS country_name,
    CASE WHEN NOT coalesce(is_fallback, false) THEN country_iso_code END AS country_iso_code,
    CASE WHEN NOT coalesce(is_fallback, false) THEN region END AS region,
    CASE WHEN NOT coalesce(is_fallback, false) AND try_cast(latitude AS DOUBLE) BETWEEN -90 AND 90
        THEN latitude::DOUBLE END AS latitude,
    CASE WHEN NOT coalesce(is_fallback, false) AND try_cast(longitude AS DOUBLE) BETWEEN -180 AND 180
        THEN longitude::DOUBLE END AS longitude,
    CASE WHEN lower(cloud_provider) <> 'none' THEN cloud_provider END AS cloud_provider,
    CASE WHEN lower(cloud_region) <> 'none' THEN cloud_region END AS cloud_region,
    os,
    python_version,
    codecarbon_version,
    cpu_model,
    CASE WHEN try_cast(cpu_count AS INTEGER) > 0 THEN cpu_count::INTEGER END AS cpu_count,
    gpu_model,
    -- pandas writes a whole number as 2.0 where the column has gaps
    CASE WHEN try_cast(gpu_count AS DOUBLE) BETWEEN 0 AND 1e6 THEN gpu_count::DOUBLE::INTEGER END AS gpu_count,
    CASE WHEN try_cast(ram_total_size AS DOUBLE) BETWEEN 0 AND 1e9 THEN ram_total_size::DOUBLE END AS ram_gb
FROM placed;
