INSERT INTO raw.measurement BY NAME
SELECT
    staged.* EXCLUDE (context, task_name, line, rowid),
    coalesce(line, staged.rowid - first_row + 2) AS line,
    context_no,
    CASE WHEN cpu_method <> 'unknown' THEN ''
        ELSE core.cpu_method_of(cpu_kwh, file_cpu_w, measured_s, pue, file_cpu_utilization, counter, constants_w, loads_w, has_floor)
    END AS inferred_method,
    coalesce(task_name, project_name) AS name,
    'completed' AS status
FROM (SELECT *, rowid FROM staged) AS staged
JOIN context_number USING (context)
JOIN (SELECT context_no, counter, constants_w, loads_w, has_floor FROM raw.coefficients WHERE inferred_method IN ('', 'unknown'))
    USING (context_no)
LEFT JOIN direct_file USING (file_no);
INSERT INTO raw.measurement BY NAME
SELECT
    record.* EXCLUDE (context, duration_s, cpu_energy_kwh, gpu_energy_kwh, ram_energy_kwh, carbon_intensity_g_per_kwh, flags),
    context_no,
    duration_s AS measured_s,
    cpu_energy_kwh AS cpu_kwh,
    gpu_energy_kwh AS gpu_kwh,
    ram_energy_kwh AS ram_kwh,
    carbon_intensity_g_per_kwh AS given_g_per_kwh,
    flags AS record_flags,
    false AS has_default_experiment,
    false AS has_invalid_value,
    false AS is_repaired
FROM record
JOIN context_number USING (context);
