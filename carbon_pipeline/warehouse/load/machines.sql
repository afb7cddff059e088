-- What makes rows differ in how far their energies may be off.
SELECT DISTINCT cpu_model, cpu_count, gpu_model, gpu_count, tracking_mode, gpu_tracked_count FROM kind;
