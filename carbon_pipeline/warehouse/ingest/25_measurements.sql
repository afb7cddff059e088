INSERT INTO raw.measurement BY NAME
SELECT
    staged.* EXCLUDE (context, task_name, line, rowid),
    coalesce(line, staged.rowid - first_row + 2) AS line,
    context_no,
    coalesce(task_name, project_name) AS name,
    'completed' AS status
FROM (SELECT *, rowid FROM staged) AS staged
JOIN context_number USING (context)
LEFT JOIN direct_file USING (file_no);
INSERT INTO raw.measurement BY NAME
SELECT
    file_no, line, context_no, run_id, project_name, experiment_id, name, asset_key, status, error_type, started_at, ended_at,
    duration_s AS measured_s, cpu_energy_kwh AS cpu_kwh, gpu_energy_kwh AS gpu_kwh, ram_energy_kwh AS ram_kwh,
    carbon_intensity_g_per_kwh AS given_g_per_kwh, intensity_note, flags AS record_flags, meter_error, sample_count,
    process_cpu_s, host_cpu_s, idle_energy_kwh, idle_cpu_energy_kwh, idle_gpu_energy_kwh, idle_ram_energy_kwh,
    idle_duration_s, idle_measured_at, task, dagster_run_id, step_key, partition_key, retry_number,
    false AS has_default_experiment, false AS has_invalid_value, false AS is_repaired
FROM record
JOIN context_number USING (context);
