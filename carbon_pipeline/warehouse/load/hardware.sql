INSERT INTO core.hardware BY NAME
SELECT hardware_id, host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb, machine_kind FROM kind
UNION
SELECT hardware_id, host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb, machine_kind FROM record_dimension
ON CONFLICT DO NOTHING;
