-- The kinds of rows in an import that differ in how far their energies may be off.
SELECT DISTINCT cpu_model, cpu_count, gpu_model, gpu_count, ram_gb, tracking_mode
FROM stage
WHERE source = 'csv';
