-- Columns without a comment here take the comment of the column of the same name in core or raw.
CREATE OR REPLACE VIEW report.runs AS
SELECT
    r.* EXCLUDE (file_no, context_no, hardware_id, location_id, software_id, task_id),
    r.energy_low_kwh * r.estimate_share AS attributed_energy_low_kwh,
    r.energy_high_kwh * r.estimate_share AS attributed_energy_high_kwh,
    r.emissions_kg * r.attributed_share AS attributed_emissions_kg,
    r.estimate_kg * r.estimate_share AS attributed_estimate_kg,
    c.country_name,
    c.country_iso_code,
    c.region,
    c.latitude,
    c.longitude,
    c.cloud_provider,
    c.cloud_region,
    c.cloud_provider IS NOT NULL AS on_cloud,
    c.os,
    c.distribution,
    c.distribution_version,
    c.python_version,
    c.codecarbon_version,
    c.host,
    c.cpu_model,
    c.cpu_count,
    c.cpu_physical_count,
    c.gpu_model,
    c.gpu_count,
    c.gpu_memory_gb,
    c.gpu_driver,
    c.ram_gb,
    c.machine_kind,
    r.hardware_id,
    r.location_id,
    r.software_id,
    r.task_id
FROM core.run AS r
JOIN raw.context AS c USING (context_no);
COMMENT ON VIEW report.runs IS 'One row per run, everything joined: the view to start from.';
COMMENT ON COLUMN report.runs.on_cloud IS 'Whether a cloud provider is known.';
COMMENT ON COLUMN report.runs.attributed_energy_low_kwh IS 'Lower end of the energy at the wall, attributed, kWh.';
COMMENT ON COLUMN report.runs.attributed_energy_high_kwh IS 'Upper end of the energy at the wall, attributed, kWh.';
COMMENT ON COLUMN report.runs.attributed_emissions_kg IS 'Emissions, attributed, kg CO2eq.';
COMMENT ON COLUMN report.runs.attributed_estimate_kg IS 'Emissions from the best estimate of the energy, attributed, kg CO2eq.';
