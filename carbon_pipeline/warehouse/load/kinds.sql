-- The kinds of rows in an import that differ in how far their energies may be off. GPUs that used nothing at all were
-- not measured: CodeCarbon writes 0 where it could not read them.
SELECT DISTINCT
    cpu_model, cpu_count, gpu_model, gpu_count, ram_gb, tracking_mode,
    CASE WHEN gpu_count > 0 AND gpu_energy_kwh = 0 THEN 0 END AS gpu_tracked_count
FROM stage
WHERE source = 'csv';
