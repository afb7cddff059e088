-- The runs of an asset with all that two runs have to share to be compared, the latest first.
SELECT
    r.run_id,
    r.started_at,
    r.energy_kwh,
    r.status,
    r.flags,
    r.tracking_mode,
    r.pue,
    r.cpu_method,
    r.gpu_method,
    r.ram_method,
    CASE WHEN r.partition_key IS NULL THEN 'none' WHEN contains(r.partition_key, '...') THEN 'range' ELSE 'one' END AS partition_kind,
    s.codecarbon_version,
    h.host,
    h.cpu_model,
    h.cpu_count,
    h.gpu_model,
    h.gpu_count
FROM core.run AS r
JOIN core.task AS t USING (task_id)
JOIN core.hardware AS h USING (hardware_id)
JOIN core.software AS s USING (software_id)
WHERE list_contains(string_split(t.asset_key, ', '), $asset_key)
ORDER BY r.started_at DESC, r.run_id;
