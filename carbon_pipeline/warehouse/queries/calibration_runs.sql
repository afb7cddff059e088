-- The runs of a machine by which it can be calibrated: a wall meter stood beside the meter, both read all the time, and no other
-- run was there. The last first.
SELECT
    run_id, ended_at, duration_s, wall_meter, wall_method,
    energy_kwh / coalesce(pue, 1) * 3.6e6 / duration_s AS meter_w,
    wall_energy_kwh / coalesce(pue, 1) * 3.6e6 / duration_s AS wall_w,
    (energy_high_kwh - energy_low_kwh) / 2 / wall_energy_kwh AS error,
    cpu_method, gpu_method, ram_method, cpu_tdp_w, gpu_tracked_count, meter, codecarbon_version,
    cpu_model, cpu_count, gpu_model, gpu_count, ram_gb
FROM report.runs
WHERE machine_id = $machine_id AND interval_source = 'wall_meter' AND energy_kwh > 0 AND wall_energy_kwh > 0 AND duration_s >= 1
    AND NOT list_has_any(flags, ['overlapping', 'reads_failed', 'energy_missing', 'meter_failed', 'wall_meter_failed'])
    AND coalesce(wall_gap_s, 0) = 0
ORDER BY ended_at DESC, run_id;
