-- Keys of the dimensions are made from all of their columns, so that any load finds the same key for the same thing.
CREATE OR REPLACE TEMP MACRO hardware_key(
    host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb, machine_kind
) AS md5(to_json([host, cpu_model, cpu_count::VARCHAR, cpu_physical_count::VARCHAR, gpu_model, gpu_count::VARCHAR,
    gpu_memory_gb::VARCHAR, gpu_driver, ram_gb::VARCHAR, machine_kind])::VARCHAR)::UUID;
CREATE OR REPLACE TEMP MACRO location_key(
    country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region
) AS md5(to_json([country_name, country_iso_code, region, latitude::VARCHAR, longitude::VARCHAR, cloud_provider,
    cloud_region])::VARCHAR)::UUID;
CREATE OR REPLACE TEMP MACRO software_key(os, distribution, distribution_version, python_version, codecarbon_version) AS
    -- The distribution came later: a key without one stays what it was.
    md5(to_json(CASE WHEN distribution IS NULL AND distribution_version IS NULL THEN [os, python_version, codecarbon_version]
        ELSE [os, distribution, distribution_version, python_version, codecarbon_version] END)::VARCHAR)::UUID;
CREATE OR REPLACE TEMP MACRO task_key(name, asset_key) AS md5(to_json([name, asset_key])::VARCHAR)::UUID;
