-- From landed records to the columns of core: dimensions with their keys, and runs.
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
