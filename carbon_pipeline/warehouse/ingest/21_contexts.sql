-- Keys are made from all columns, so that any load finds the same key for the same thing.
UPDATE new_context SET
    hardware_id = md5(to_json([host, cpu_model, cpu_count::VARCHAR, cpu_physical_count::VARCHAR, gpu_model,
        gpu_count::VARCHAR, gpu_memory_gb::VARCHAR, gpu_driver, ram_gb::VARCHAR, machine_kind])::VARCHAR)::UUID,
    location_id = md5(to_json([country_name, country_iso_code, region, latitude::VARCHAR, longitude::VARCHAR,
        cloud_provider, cloud_region])::VARCHAR)::UUID,
    software_id = md5(to_json([os, distribution, distribution_version, python_version, codecarbon_version])::VARCHAR)::UUID;
CREATE OR REPLACE TEMP TABLE keyed_context AS
SELECT *, md5(to_json(struct_pack(*COLUMNS(* EXCLUDE (context))))::VARCHAR)::UUID AS context_key FROM new_context;
INSERT INTO raw.context BY NAME
SELECT nextval('raw.context_no') AS context_no, * FROM (
    SELECT DISTINCT * EXCLUDE (context) FROM keyed_context ANTI JOIN raw.context USING (context_key)
);
CREATE OR REPLACE TEMP TABLE context_number AS
SELECT context, context_no, tracking_mode, cpu_method, pue
FROM keyed_context
JOIN (SELECT context_key, context_no FROM raw.context) USING (context_key);
