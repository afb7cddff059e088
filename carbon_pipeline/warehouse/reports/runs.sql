-- Columns without a comment here take the comment of the core column of the same name.
CREATE OR REPLACE VIEW report.runs AS
SELECT
    r.* EXCLUDE (hardware_id, location_id, software_id, task_id),
    t.name,
    t.asset_key,
    l.country_name,
    l.country_iso_code,
    l.region,
    l.latitude,
    l.longitude,
    l.cloud_provider,
    l.cloud_region,
    l.cloud_provider IS NOT NULL AS on_cloud,
    CASE WHEN r.energy_kwh > 0 THEN r.attributed_energy_kwh / r.energy_kwh ELSE 1 END AS attributed_share,
    s.os,
    s.distribution,
    s.distribution_version,
    s.python_version,
    s.codecarbon_version,
    h.host,
    h.cpu_model,
    h.cpu_count,
    h.cpu_physical_count,
    h.gpu_model,
    h.gpu_count,
    h.gpu_memory_gb,
    h.gpu_driver,
    h.ram_gb,
    h.machine_kind,
    r.hardware_id,
    r.location_id,
    r.software_id,
    r.task_id
FROM core.run AS r
JOIN core.hardware AS h USING (hardware_id)
JOIN core.location AS l USING (location_id)
JOIN core.software AS s USING (software_id)
JOIN core.task AS t USING (task_id);
COMMENT ON VIEW report.runs IS 'One row per run, everything joined: the view to start from.';
COMMENT ON COLUMN report.runs.attributed_share IS 'This run''s share of the machine, 0 to 1; below 1 where runs overlap on a host.';
COMMENT ON COLUMN report.runs.on_cloud IS 'Whether a cloud provider is known.';
