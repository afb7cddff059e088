-- What BoAmps' reports ask for besides: load, the parts of the idle baseline, what the work was, the distribution.
ALTER TABLE core.run ADD COLUMN cpu_utilization DOUBLE;
ALTER TABLE core.run ADD COLUMN gpu_utilization DOUBLE;
ALTER TABLE core.run ADD COLUMN idle_cpu_energy_kwh DOUBLE;
ALTER TABLE core.run ADD COLUMN idle_gpu_energy_kwh DOUBLE;
ALTER TABLE core.run ADD COLUMN idle_ram_energy_kwh DOUBLE;
ALTER TABLE core.run ADD COLUMN task VARCHAR;
ALTER TABLE core.software ADD COLUMN distribution VARCHAR;
ALTER TABLE core.software ADD COLUMN distribution_version VARCHAR;
ALTER TABLE core.field ADD COLUMN extraction VARCHAR;
UPDATE core.run AS r
SET cpu_utilization = least(r.host_cpu_s / (r.duration_s * h.cpu_count), 1)
FROM core.hardware AS h
WHERE h.hardware_id = r.hardware_id AND r.source <> 'csv' AND r.host_cpu_s IS NOT NULL AND h.cpu_count IS NOT NULL
    AND r.duration_s >= 1;
COMMENT ON COLUMN core.run.cpu_utilization IS 'Mean load of all logical CPUs, 0 to 1; empty where it was not measured.';
COMMENT ON COLUMN core.run.gpu_utilization IS 'Mean load of the GPUs, 0 to 1; empty where it was not measured.';
COMMENT ON COLUMN core.run.idle_cpu_energy_kwh IS 'The CPUs'' part of idle_energy_kwh, kWh.';
COMMENT ON COLUMN core.run.idle_gpu_energy_kwh IS 'The GPUs'' part of idle_energy_kwh, kWh.';
COMMENT ON COLUMN core.run.idle_ram_energy_kwh IS 'The memory''s part of idle_energy_kwh, kWh.';
COMMENT ON COLUMN core.run.task IS 'What the work was, as JSON: the fields of BoAmps'' task that track() was given.';
COMMENT ON COLUMN core.software.distribution IS 'Distribution of the operating system.';
COMMENT ON COLUMN core.software.distribution_version IS 'Version of the distribution.';
COMMENT ON COLUMN core.field.extraction IS 'How it is found out here.';
