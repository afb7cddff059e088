INSERT INTO core.hardware BY NAME
SELECT DISTINCT hardware_id, host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb, machine_kind
FROM keyed
ON CONFLICT DO NOTHING;
