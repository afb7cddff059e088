-- The kinds of rows in an import that differ in how far their energies may be off. A total without the CPU's part holds
-- whatever was measured.
SELECT DISTINCT
    cpu_model, cpu_count, gpu_model, gpu_count, ram_gb, tracking_mode,
    gpu_energy_kwh IS NOT NULL OR cpu_energy_kwh IS NULL AS has_gpu,
    ram_energy_kwh IS NOT NULL OR cpu_energy_kwh IS NULL AS has_ram
FROM stage
WHERE source = 'csv';
