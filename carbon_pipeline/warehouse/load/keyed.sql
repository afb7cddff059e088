-- Keys of the dimensions are made from all of their columns, so that any load finds the same key for the same thing.
CREATE OR REPLACE TEMP TABLE keyed AS
SELECT
    *,
    md5(to_json([host, cpu_model, cpu_count::VARCHAR, cpu_physical_count::VARCHAR, gpu_model, gpu_count::VARCHAR,
        gpu_memory_gb::VARCHAR, gpu_driver, ram_gb::VARCHAR, machine_kind])::VARCHAR)::UUID AS hardware_id,
    md5(to_json([country_name, country_iso_code, region, latitude::VARCHAR, longitude::VARCHAR, cloud_provider,
        cloud_region])::VARCHAR)::UUID AS location_id,
    md5(to_json([os, python_version, codecarbon_version])::VARCHAR)::UUID AS software_id,
    md5(to_json([name, asset_key])::VARCHAR)::UUID AS task_id
FROM best;
