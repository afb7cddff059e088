-- The runs, normalised after the BoAmps datamodel. A column without a COMMENT here takes the description of the field of
-- the same name of the record (model/record.py).
CREATE SCHEMA core;
CREATE TABLE core.hardware (
    hardware_id UUID PRIMARY KEY,
    host VARCHAR,
    cpu_model VARCHAR,
    cpu_count INTEGER CHECK (cpu_count > 0),
    cpu_physical_count INTEGER CHECK (cpu_physical_count > 0),
    gpu_model VARCHAR,
    gpu_count INTEGER CHECK (gpu_count >= 0),
    gpu_memory_gb DOUBLE CHECK (isfinite(gpu_memory_gb) AND gpu_memory_gb >= 0),
    gpu_driver VARCHAR,
    ram_gb DOUBLE CHECK (isfinite(ram_gb) AND ram_gb >= 0),
    machine_kind VARCHAR
);
COMMENT ON TABLE core.hardware IS 'Machines on which runs took place (BoAmps: infrastructure and its components).';
COMMENT ON COLUMN core.hardware.hardware_id IS 'Key, made from all other columns.';
CREATE TABLE core.location (
    location_id UUID PRIMARY KEY,
    country_name VARCHAR,
    country_iso_code VARCHAR CHECK (length(country_iso_code) = 2),
    region VARCHAR,
    latitude DOUBLE CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE CHECK (longitude BETWEEN -180 AND 180),
    cloud_provider VARCHAR,
    cloud_region VARCHAR
);
COMMENT ON TABLE core.location IS 'Where runs took place (BoAmps: environment).';
COMMENT ON COLUMN core.location.location_id IS 'Key, made from all other columns.';
CREATE TABLE core.software (
    software_id UUID PRIMARY KEY,
    os VARCHAR,
    python_version VARCHAR,
    codecarbon_version VARCHAR,
    distribution VARCHAR,
    distribution_version VARCHAR
);
COMMENT ON TABLE core.software IS 'Operating systems and versions under which runs took place (BoAmps: system, software).';
COMMENT ON COLUMN core.software.software_id IS 'Key, made from all other columns.';
CREATE TABLE core.task (
    task_id UUID PRIMARY KEY,
    name VARCHAR,
    asset_key VARCHAR
);
COMMENT ON TABLE core.task IS 'What was tracked (BoAmps: task).';
COMMENT ON COLUMN core.task.task_id IS 'Key, made from all other columns.';
-- Without an index on run_id, which takes longer to build than all else of a large load: the load, which has one writer at
-- a time, keeps run_id unique, and the rule run_ids_are_unique checks it. run_id is random text, which does not compress.
CREATE TABLE core.run (
    run_id VARCHAR NOT NULL USING COMPRESSION uncompressed,
    parent_run_id VARCHAR,
    project_name VARCHAR,
    experiment_id VARCHAR,
    status VARCHAR NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled', 'interrupted')),
    error_type VARCHAR,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    duration_s DOUBLE NOT NULL CHECK (isfinite(duration_s) AND duration_s >= 0),
    cpu_energy_kwh DOUBLE CHECK (isfinite(cpu_energy_kwh) AND cpu_energy_kwh >= 0),
    gpu_energy_kwh DOUBLE CHECK (isfinite(gpu_energy_kwh) AND gpu_energy_kwh >= 0),
    ram_energy_kwh DOUBLE CHECK (isfinite(ram_energy_kwh) AND ram_energy_kwh >= 0),
    energy_kwh DOUBLE CHECK (isfinite(energy_kwh) AND energy_kwh >= 0),
    attributed_energy_kwh DOUBLE CHECK (isfinite(attributed_energy_kwh) AND attributed_energy_kwh >= 0),
    energy_low_kwh DOUBLE CHECK (isfinite(energy_low_kwh) AND energy_low_kwh >= 0),
    energy_high_kwh DOUBLE CHECK (isfinite(energy_high_kwh) AND energy_high_kwh >= 0),
    cpu_power_w DOUBLE CHECK (isfinite(cpu_power_w) AND cpu_power_w >= 0),
    gpu_power_w DOUBLE CHECK (isfinite(gpu_power_w) AND gpu_power_w >= 0),
    ram_power_w DOUBLE CHECK (isfinite(ram_power_w) AND ram_power_w >= 0),
    cpu_tdp_w DOUBLE CHECK (isfinite(cpu_tdp_w) AND cpu_tdp_w >= 0),
    emissions_kg DOUBLE CHECK (isfinite(emissions_kg) AND emissions_kg >= 0),
    emissions_low_kg DOUBLE CHECK (isfinite(emissions_low_kg) AND emissions_low_kg >= 0),
    emissions_high_kg DOUBLE CHECK (isfinite(emissions_high_kg) AND emissions_high_kg >= 0),
    emissions_rate_kg_per_s DOUBLE CHECK (isfinite(emissions_rate_kg_per_s) AND emissions_rate_kg_per_s >= 0),
    carbon_intensity_g_per_kwh DOUBLE CHECK (isfinite(carbon_intensity_g_per_kwh) AND carbon_intensity_g_per_kwh >= 0),
    intensity_source VARCHAR NOT NULL,
    location_source VARCHAR NOT NULL,
    cpu_method VARCHAR NOT NULL,
    gpu_method VARCHAR NOT NULL,
    ram_method VARCHAR NOT NULL,
    meter VARCHAR NOT NULL,
    meter_error VARCHAR,
    settings_error VARCHAR,
    tracking_mode VARCHAR CHECK (tracking_mode IN ('machine', 'process')),
    pue DOUBLE CHECK (isfinite(pue) AND pue >= 1),
    quality VARCHAR CHECK (quality IN ('high', 'medium', 'low')),
    flags VARCHAR[] NOT NULL,
    process_cpu_s DOUBLE,
    host_cpu_s DOUBLE,
    dagster_run_id VARCHAR,
    step_key VARCHAR,
    partition_key VARCHAR,
    retry_number INTEGER,
    source VARCHAR NOT NULL CHECK (source IN ('dagster', 'track', 'command', 'csv')),
    source_file VARCHAR NOT NULL,
    source_line BIGINT NOT NULL,
    cpu_tdp_source VARCHAR,
    gpu_tracked_count INTEGER,
    sample_s DOUBLE,
    sample_count BIGINT,
    idle_energy_kwh DOUBLE,
    idle_duration_s DOUBLE,
    idle_measured_at TIMESTAMPTZ,
    energy_above_idle_kwh DOUBLE,
    meter_settings_ignored VARCHAR,
    intensity_year INTEGER,
    intensity_note VARCHAR,
    carbon_intensity_low_g_per_kwh DOUBLE,
    carbon_intensity_high_g_per_kwh DOUBLE,
    cpu_utilization DOUBLE,
    gpu_utilization DOUBLE,
    idle_cpu_energy_kwh DOUBLE,
    idle_gpu_energy_kwh DOUBLE,
    idle_ram_energy_kwh DOUBLE,
    task VARCHAR,
    hardware_id UUID NOT NULL,
    location_id UUID NOT NULL,
    software_id UUID NOT NULL,
    task_id UUID NOT NULL,
    CHECK (ended_at >= started_at)
);
COMMENT ON TABLE core.run IS 'One row per run: what was measured, how, and how uncertain it is.';
COMMENT ON COLUMN core.run.run_id IS 'ID of the run, unique to it; a hash of the row where a file contains none.';
COMMENT ON COLUMN core.run.parent_run_id IS 'Run that this one is a part of, where it is a task within a run.';
COMMENT ON COLUMN core.run.started_at IS 'Start, UTC. For imported files: end minus duration.';
COMMENT ON COLUMN core.run.ended_at IS 'End, UTC. For imported files: local time of that machine, since CodeCarbon writes no zone.';
COMMENT ON COLUMN core.run.attributed_energy_kwh IS 'This run''s share, kWh, where runs overlap on a host; 0 for a task whose run is known; else energy_kwh.';
COMMENT ON COLUMN core.run.flags IS 'What was corrected or looks wrong; docs/warehouse.md lists every flag.';
COMMENT ON COLUMN core.run.source_file IS 'File that the run was loaded from.';
COMMENT ON COLUMN core.run.source_line IS 'Line of that file.';
COMMENT ON COLUMN core.run.gpu_utilization IS 'Mean load of the GPUs, 0 to 1; empty where it was not measured.';
COMMENT ON COLUMN core.run.task IS 'The fields of BoAmps'' task that track() was given, as JSON.';
COMMENT ON COLUMN core.run.hardware_id IS 'Key to core.hardware.';
COMMENT ON COLUMN core.run.location_id IS 'Key to core.location.';
COMMENT ON COLUMN core.run.software_id IS 'Key to core.software.';
COMMENT ON COLUMN core.run.task_id IS 'Key to core.task.';
CREATE TABLE core.field (
    position INTEGER PRIMARY KEY,
    field VARCHAR NOT NULL,
    meaning VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    source_column VARCHAR NOT NULL,
    boamps_path VARCHAR NOT NULL,
    form_path VARCHAR NOT NULL,
    form_code VARCHAR NOT NULL,
    extraction VARCHAR NOT NULL
);
COMMENT ON TABLE core.field IS 'The 33 fields of the original document; filled from carbon_pipeline/model/fields.py.';
COMMENT ON COLUMN core.field.position IS 'Place in the file, 1 to 33.';
COMMENT ON COLUMN core.field.field IS 'Name of the field.';
COMMENT ON COLUMN core.field.meaning IS 'Its meaning.';
COMMENT ON COLUMN core.field.unit IS 'Its unit.';
COMMENT ON COLUMN core.field.source_column IS 'Column of report.runs that it comes from.';
COMMENT ON COLUMN core.field.boamps_path IS 'Place in a BoAmps report; NTBA where BoAmps has none.';
COMMENT ON COLUMN core.field.form_path IS 'Line of BoAmps'' report.txt.';
COMMENT ON COLUMN core.field.form_code IS 'Code in the BoAmps form.';
COMMENT ON COLUMN core.field.extraction IS 'How it is obtained here.';
