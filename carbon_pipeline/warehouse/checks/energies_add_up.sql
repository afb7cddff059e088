-- 1e-6, since CodeCarbon's own files round: records of this project keep 1e-9.
SELECT run_id, source_file, cpu_energy_kwh, gpu_energy_kwh, ram_energy_kwh, energy_kwh
FROM core.run
WHERE abs(energy_kwh - (cpu_energy_kwh + gpu_energy_kwh + ram_energy_kwh)) > 1e-6 * energy_kwh;
