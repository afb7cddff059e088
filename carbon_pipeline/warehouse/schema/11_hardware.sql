CREATE OR REPLACE VIEW core.hardware AS
SELECT DISTINCT
    hardware_id, host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb,
    machine_kind
FROM raw.context;
COMMENT ON VIEW core.hardware IS 'Machines on which runs took place (BoAmps: infrastructure and its components).';
COMMENT ON COLUMN core.hardware.hardware_id IS 'Key, made from all other columns.';
