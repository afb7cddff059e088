-- From rows with types, in the table or view $source, to what is a row's own; file_no is $file_no where it is given.
INSERT INTO codecarbon_row BY NAME
SELECT
    row_no,
    coalesce($file_no, file_no) AS file_no,
    line,
    coalesce(run_key, without_blanks(run_id)) AS run_key,
    CASE WHEN task_name IS NOT NULL THEN nullif(run_id, getvariable('known').default_experiment_id) END AS parent_run_id,
    nullif(without_blanks(experiment_id), getvariable('known').default_experiment_id) AS experiment_id,
    without_blanks(project_name) AS project_name,
    without_blanks(task_name) AS task_name,
    timestamp,
    duration,
    emissions,
    cpu_energy,
    gpu_energy,
    ram_energy,
    energy_consumed,
    -- 0 also means that the run was over before CodeCarbon first looked.
    CASE WHEN cpu_utilization_percent > 0 AND cpu_utilization_percent <= 100 THEN cpu_utilization_percent / 100 END
        AS cpu_utilization,
    CASE WHEN gpu_utilization_percent > 0 AND gpu_utilization_percent <= 100 THEN gpu_utilization_percent / 100 END
        AS gpu_utilization,
    kind_of(country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
        codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, gpu_energy) AS kind,
    CASE WHEN has_nonsense OR NOT (isfinite(coalesce(cpu_power, 0)) AND isfinite(coalesce(gpu_power, 0))
            AND isfinite(coalesce(ram_power, 0)) AND isfinite(coalesce(emissions_rate, 0))) THEN 4 ELSE 0 END
        | CASE WHEN duration < getvariable('known').short_run_s THEN 32 ELSE 0 END
        | CASE WHEN getvariable('known').default_experiment_id IN (without_blanks(run_id), without_blanks(experiment_id)) THEN 64 ELSE 0 END
        | CASE WHEN emissions > 0 AND emissions_rate * duration BETWEEN 900 * emissions AND 1100 * emissions
            THEN 128 ELSE 0 END
        | CASE WHEN coalesce(energy_consumed, cpu_energy, gpu_energy, ram_energy) IS NULL
            OR cpu_energy + gpu_energy + ram_energy IS NULL AND coalesce(cpu_energy, gpu_energy, ram_energy) IS NOT NULL
            THEN 256 ELSE 0 END
        | CASE WHEN abs(energy_consumed - (cpu_energy + gpu_energy + ram_energy)) > 1e-6 * energy_consumed
            THEN 512 ELSE 0 END
        | CASE WHEN NOT power_fits(cpu_power, cpu_energy, duration) OR NOT power_fits(gpu_power, gpu_energy, duration)
            OR NOT power_fits(ram_power, ram_energy, duration) THEN 1024 ELSE 0 END
        | CASE WHEN energy(cpu_energy, gpu_energy, ram_energy, energy_consumed) = 0 AND duration > 0 THEN 2048 ELSE 0 END
        | CASE WHEN task_name IS NOT NULL THEN 4096 ELSE 0 END
        | CASE WHEN contradicts(cpu_power + coalesce(gpu_power, 0) + coalesce(ram_power, 0),
            energy(cpu_energy, gpu_energy, ram_energy, energy_consumed), duration) THEN 8192 ELSE 0 END
        | CASE WHEN abs(emissions_rate * duration - emissions) > 0.01 * abs(emissions_rate) * duration
            AND NOT coalesce(emissions > 0 AND emissions_rate * duration BETWEEN 900 * emissions AND 1100 * emissions, false)
            THEN 16384 ELSE 0 END AS bits
FROM query_table($source);
