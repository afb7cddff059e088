-- From CodeCarbon's columns to what is a row's own. file_no is $file_no where the file is read as it is.
INSERT INTO staged BY NAME
SELECT
    coalesce(file_no, $file_no) AS file_no,
    line,
    context_of(country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
        codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, wue, extra)
        AS context,
    clean_text(project_name) AS project_name,
    clean_text(task_name) AS task_name,
    -- UTC, without a zone, as the reader writes it; anything else in a file that is read as it is, is looked at by the reader.
    CASE WHEN timestamp[12:13] <> '24' AND timestamp[5] = '-' AND timestamp[8] = '-' AND timestamp[11] IN ('T', ' ') AND timestamp[14] = ':'
        AND timestamp[17] = ':' AND (length(timestamp) = 19 OR regexp_full_match(timestamp[20:], '\.[0-9]{1,6}'))
        THEN timezone('UTC', try_cast(timestamp AS TIMESTAMP)) END AS ended_at,
    duration AS measured_s,
    cpu_energy AS cpu_kwh,
    gpu_energy AS gpu_kwh,
    ram_energy AS ram_kwh,
    energy_consumed AS total_kwh,
    emissions AS file_emissions_kg,
    CASE WHEN isfinite(emissions_rate) THEN emissions_rate END AS file_rate_kg_per_s,
    CASE WHEN isfinite(cpu_power) THEN cpu_power END AS file_cpu_w,
    CASE WHEN isfinite(gpu_power) THEN gpu_power END AS file_gpu_w,
    CASE WHEN isfinite(ram_power) THEN ram_power END AS file_ram_w,
    -- 0 also means that the run was over before CodeCarbon first looked.
    share(cpu_utilization_percent) AS file_cpu_utilization,
    share(gpu_utilization_percent) AS gpu_utilization,
    share(ram_utilization_percent) AS ram_utilization,
    CASE WHEN ram_used_gb > 0 AND ram_used_gb < 1e9 THEN ram_used_gb END AS ram_used_gb,
    CASE WHEN water_consumed >= 0 AND water_consumed < 1e12 THEN water_consumed END AS water_l,
    nullif(extra_columns, '') AS extra_columns,
    coalesce(has_invalid_value, false) OR NOT (isfinite(coalesce(cpu_power, 0)) AND isfinite(coalesce(gpu_power, 0))
        AND isfinite(coalesce(ram_power, 0)) AND isfinite(coalesce(emissions_rate, 0))
        AND isfinite(coalesce(water_consumed, 0)) AND isfinite(coalesce(ram_used_gb, 0))
        AND isfinite(coalesce(cpu_utilization_percent, 0)) AND isfinite(coalesce(gpu_utilization_percent, 0))
        AND isfinite(coalesce(ram_utilization_percent, 0)))
        OR NOT (coalesce(water_consumed BETWEEN 0 AND 1e12, true) AND coalesce(ram_used_gb BETWEEN 0 AND 1e9, true)
        AND coalesce(cpu_utilization_percent BETWEEN 0 AND 100, true) AND coalesce(gpu_utilization_percent BETWEEN 0 AND 100, true)
        AND coalesce(ram_utilization_percent BETWEEN 0 AND 100, true)) AS has_invalid_value,
    coalesce(is_repaired, false) AS is_repaired,
    coalesce($default_experiment_id IN (given_run_id, given_experiment_id), false) AS has_default_experiment,
    nullif(given_experiment_id, $default_experiment_id) AS experiment_id,
    CASE WHEN clean_text(task_name) IS NOT NULL THEN nullif(given_run_id, $default_experiment_id) END AS parent_run_id,
    -- run_id where it is a real one, else a hash of what tells the row from others.
    CASE
        WHEN given_run_id <> $default_experiment_id AND clean_text(task_name) IS NOT NULL
            THEN md5(to_json([given_run_id, clean_text(task_name)])::VARCHAR)
        WHEN given_run_id <> $default_experiment_id THEN given_run_id
        -- CodeCarbon 1.x has no run_id: there the experiment_id is new for each run.
        WHEN given_run_id IS NULL AND codecarbon_version IS NULL AND tracking_mode IS NULL
            AND given_experiment_id <> $default_experiment_id THEN given_experiment_id
        ELSE md5(to_json([timestamp[:19], clean_text(project_name), given_experiment_id, clean_text(task_name), duration::VARCHAR,
            emissions::VARCHAR, energy_consumed::VARCHAR, cpu_energy::VARCHAR, gpu_energy::VARCHAR, ram_energy::VARCHAR,
            clean_text(country_iso_code), clean_text(region), clean_text(os), clean_text(cpu_model), clean_text(gpu_model)])::VARCHAR)
    END AS run_id
FROM (
    SELECT *, clean_text(run_id) AS given_run_id, clean_text(experiment_id) AS given_experiment_id
    FROM clean_rows($nothing, $every_column, $path, $columns, $has_header, $longest)
);
