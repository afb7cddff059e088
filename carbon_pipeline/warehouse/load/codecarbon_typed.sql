-- From text to types, and to a key: run_id where it is a real one, else a hash of what tells the row from others.
INSERT INTO codecarbon_typed BY NAME
SELECT
    row_no, file_no, line,
    CASE
        WHEN run_id <> getvariable('known').default_experiment_id AND task_name IS NOT NULL
            THEN md5(to_json([run_id, task_name])::VARCHAR)
        WHEN run_id <> getvariable('known').default_experiment_id THEN run_id
        -- CodeCarbon 1.x has no run_id: there the experiment_id is new for each run.
        WHEN run_id IS NULL AND codecarbon_version IS NULL AND tracking_mode IS NULL
            AND experiment_id <> getvariable('known').default_experiment_id THEN experiment_id
        ELSE md5(to_json([timestamp, project_name, experiment_id, task_name, duration, emissions, energy_consumed, cpu_energy,
            gpu_energy, ram_energy, country_iso_code, region, os, cpu_model, gpu_model])::VARCHAR)
    END AS run_key,
    len(list_filter(
        [emissions_rate, cpu_power, gpu_power, ram_power, longitude, latitude, cpu_count, gpu_count, ram_total_size, pue,
            cpu_utilization_percent, gpu_utilization_percent],
        lambda cell: cell IS NOT NULL AND number(cell) IS NULL
    )) > 0 AS has_nonsense,
    timestamp::TIMESTAMPTZ AS timestamp,
    run_id, experiment_id, project_name, task_name,
    number(duration) AS duration,
    number(emissions) AS emissions,
    number(emissions_rate) AS emissions_rate,
    number(cpu_power) AS cpu_power,
    number(gpu_power) AS gpu_power,
    number(ram_power) AS ram_power,
    number(cpu_energy) AS cpu_energy,
    number(gpu_energy) AS gpu_energy,
    number(ram_energy) AS ram_energy,
    number(energy_consumed) AS energy_consumed,
    country_name, country_iso_code, region,
    number(longitude) AS longitude,
    number(latitude) AS latitude,
    cloud_provider, cloud_region, os, python_version, codecarbon_version,
    number(cpu_count) AS cpu_count,
    cpu_model,
    number(gpu_count) AS gpu_count,
    gpu_model,
    number(ram_total_size) AS ram_total_size,
    tracking_mode,
    number(pue) AS pue,
    number(cpu_utilization_percent) AS cpu_utilization_percent,
    number(gpu_utilization_percent) AS gpu_utilization_percent
FROM codecarbon_text
ANTI JOIN refused USING (row_no)
ORDER BY row_no;
