-- Landed records: their names are the columns' names.
CREATE OR REPLACE TEMP TABLE record_row AS
SELECT row_no, inbox_row.file_no, line, unnest(from_json(record, '{
    "run_id": "VARCHAR", "name": "VARCHAR", "project_name": "VARCHAR", "experiment_id": "VARCHAR",
    "status": "VARCHAR", "source": "VARCHAR", "flags": ["VARCHAR"],
    "started_at": "TIMESTAMPTZ", "ended_at": "TIMESTAMPTZ", "duration_s": "DOUBLE",
    "cpu_energy_kwh": "DOUBLE", "gpu_energy_kwh": "DOUBLE", "ram_energy_kwh": "DOUBLE", "energy_kwh": "DOUBLE",
    "cpu_power_w": "DOUBLE", "gpu_power_w": "DOUBLE", "ram_power_w": "DOUBLE", "cpu_tdp_w": "DOUBLE",
    "cpu_tdp_source": "VARCHAR", "gpu_tracked_count": "INTEGER", "sample_s": "DOUBLE", "sample_count": "BIGINT",
    "idle_energy_kwh": "DOUBLE", "idle_duration_s": "DOUBLE", "idle_measured_at": "TIMESTAMPTZ",
    "idle_cpu_energy_kwh": "DOUBLE", "idle_gpu_energy_kwh": "DOUBLE", "idle_ram_energy_kwh": "DOUBLE",
    "energy_above_idle_kwh": "DOUBLE", "cpu_utilization": "DOUBLE", "task": "VARCHAR", "energy_low_kwh": "DOUBLE", "energy_high_kwh": "DOUBLE", "quality": "VARCHAR",
    "emissions_low_kg": "DOUBLE", "emissions_high_kg": "DOUBLE",
    "carbon_intensity_low_g_per_kwh": "DOUBLE", "carbon_intensity_high_g_per_kwh": "DOUBLE",
    "intensity_year": "INTEGER", "intensity_note": "VARCHAR", "meter_settings_ignored": "VARCHAR",
    "emissions_kg": "DOUBLE", "emissions_rate_kg_per_s": "DOUBLE",
    "carbon_intensity_g_per_kwh": "DOUBLE", "intensity_source": "VARCHAR", "location_source": "VARCHAR",
    "cpu_method": "VARCHAR", "gpu_method": "VARCHAR", "ram_method": "VARCHAR",
    "meter": "VARCHAR", "meter_error": "VARCHAR", "settings_error": "VARCHAR",
    "tracking_mode": "VARCHAR", "pue": "DOUBLE", "process_cpu_s": "DOUBLE", "host_cpu_s": "DOUBLE",
    "dagster_run_id": "VARCHAR", "step_key": "VARCHAR", "partition_key": "VARCHAR", "retry_number": "INTEGER",
    "asset_key": "VARCHAR", "country_name": "VARCHAR", "country_iso_code": "VARCHAR", "region": "VARCHAR",
    "latitude": "DOUBLE", "longitude": "DOUBLE", "cloud_provider": "VARCHAR", "cloud_region": "VARCHAR",
    "os": "VARCHAR", "distribution": "VARCHAR", "distribution_version": "VARCHAR", "python_version": "VARCHAR", "codecarbon_version": "VARCHAR", "host": "VARCHAR",
    "cpu_model": "VARCHAR", "cpu_count": "INTEGER", "cpu_physical_count": "INTEGER", "gpu_model": "VARCHAR",
    "gpu_count": "INTEGER", "gpu_memory_gb": "DOUBLE", "gpu_driver": "VARCHAR", "ram_gb": "DOUBLE", "machine_kind": "VARCHAR"
}'))
FROM inbox_row
JOIN inbox_file AS file USING (file_no)
WHERE file.format = 'record';
CREATE OR REPLACE TEMP VIEW record_dimension AS
SELECT
    row_no, run_id,
    host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb, machine_kind,
    country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region,
    os, distribution, distribution_version, python_version, codecarbon_version, name, asset_key,
    hardware_key(host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb,
        machine_kind) AS hardware_id,
    location_key(country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region) AS location_id,
    software_key(os, distribution, distribution_version, python_version, codecarbon_version) AS software_id,
    task_key(name, asset_key) AS task_id
FROM record_row;
CREATE OR REPLACE TEMP VIEW record_run AS
SELECT
    record_row.* EXCLUDE (
        line, name, asset_key, country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region,
        os, distribution, distribution_version, python_version, codecarbon_version, host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count,
        gpu_memory_gb, gpu_driver, ram_gb, machine_kind
    ),
    energy_kwh AS attributed_energy_kwh,
    source_file,
    line AS source_line,
    hardware_id, location_id, software_id, task_id
FROM record_row
JOIN record_dimension USING (row_no, run_id)
JOIN inbox_file AS file USING (file_no);
