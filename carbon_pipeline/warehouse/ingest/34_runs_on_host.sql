-- What attribution needs to know of some of these runs: their curve, a straight line where a record has none.
SELECT
    m.rowid AS row,
    run_id,
    outer_run_id,
    process,
    parent_processes,
    epoch_us(started_at) AS began_us,
    epoch_us(ended_at) AS ended_us,
    tracking_mode = 'machine' AS is_machine,
    at_s IS NOT NULL AS has_curve,
    coalesce(at_s, [0, epoch(ended_at - started_at)]) AS at_s,
    CASE WHEN m.cpu_kwh IS NOT NULL THEN CASE WHEN at_s IS NULL THEN [0, m.cpu_kwh] ELSE curve.cpu_energy_kwh END END AS cpu_kwh,
    CASE WHEN m.gpu_kwh > 0 THEN CASE WHEN at_s IS NULL THEN [0, m.gpu_kwh] ELSE curve.gpu_energy_kwh END END AS gpu_kwh,
    CASE WHEN m.ram_kwh IS NOT NULL THEN CASE WHEN at_s IS NULL THEN [0, m.ram_kwh] ELSE curve.ram_energy_kwh END END AS ram_kwh,
    curve.wall_energy_kwh AS wall_kwh,
    cpu_gap_s > 0 AS has_cpu_gap,
    gpu_gap_s > 0 AS has_gpu_gap,
    gpu_ids,
    CASE WHEN at_s IS NULL AND m.process_cpu_s IS NOT NULL THEN [0, m.process_cpu_s] ELSE curve.process_cpu_s END AS cpu_s,
    process_gpu_s AS gpu_s,
    process_gpu_memory_gb_s AS memory_gb_s,
    idle_cpu_energy_kwh / idle_duration_s * 3.6e6 AS idle_cpu_w,
    idle_ram_energy_kwh / idle_duration_s * 3.6e6 AS idle_ram_w,
    idle_gpu_energy_kwh / idle_duration_s * 3.6e6 AS idle_gpu_w
FROM (SELECT *, rowid FROM raw.measurement WHERE rowid IN (SELECT unnest($rows::BIGINT[]))) AS m
JOIN (SELECT context_no, tracking_mode FROM raw.context) USING (context_no)
LEFT JOIN raw.curve USING (file_no, line)
ORDER BY row;
