INSERT OR REPLACE INTO core.run BY NAME
SELECT
    run_id, project_name, experiment_id, status, started_at, ended_at, duration_s,
    cpu_energy_kwh, gpu_energy_kwh, ram_energy_kwh, energy_kwh, energy_kwh AS attributed_energy_kwh,
    energy_low_kwh, energy_high_kwh, quality, idle_energy_kwh, idle_duration_s, idle_measured_at, energy_above_idle_kwh,
    cpu_power_w, gpu_power_w, ram_power_w, cpu_tdp_w, cpu_tdp_source, gpu_tracked_count, sample_s, sample_count,
    emissions_kg, emissions_low_kg, emissions_high_kg, emissions_rate_kg_per_s,
    carbon_intensity_g_per_kwh, carbon_intensity_low_g_per_kwh, carbon_intensity_high_g_per_kwh,
    intensity_source, intensity_year, intensity_note, location_source, cpu_method, gpu_method, ram_method,
    meter, meter_error, settings_error, meter_settings_ignored, tracking_mode, pue, flags,
    process_cpu_s, host_cpu_s, dagster_run_id, step_key, partition_key, retry_number,
    source, source_file, line AS source_line, content_hash, hardware_id, location_id, software_id, task_id
FROM keyed;
UPDATE core.run
SET flags = list_append(flags, 'cumulative_superseded')
WHERE run_id IN (FROM cumulative) AND source = 'csv' AND NOT list_contains(flags, 'cumulative_superseded');
