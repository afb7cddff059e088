-- Made anew without the index on run_id: it took longer to build than all else of a large load. That run_id is unique is
-- seen to by the load, which has one writer at a time, and held by the rule run_ids_are_unique. content_hash is gone:
-- it is computed for the few runs of which there is more than one row. run_id is random text, which does not compress.
CREATE TABLE core.run_next (
    run_id VARCHAR NOT NULL USING COMPRESSION uncompressed,
    parent_run_id VARCHAR,
    project_name VARCHAR,
    experiment_id VARCHAR,
    status VARCHAR NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled', 'interrupted')),
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
    idle_measured_at TIMESTAMP WITH TIME ZONE,
    energy_above_idle_kwh DOUBLE,
    meter_settings_ignored VARCHAR,
    intensity_year INTEGER,
    intensity_note VARCHAR,
    carbon_intensity_low_g_per_kwh DOUBLE,
    carbon_intensity_high_g_per_kwh DOUBLE,
    hardware_id UUID NOT NULL,
    location_id UUID NOT NULL,
    software_id UUID NOT NULL,
    task_id UUID NOT NULL,
    CHECK (ended_at >= started_at)
);
INSERT INTO core.run_next BY NAME SELECT * EXCLUDE (content_hash) FROM core.run;
DROP TABLE core.run;
ALTER TABLE core.run_next RENAME TO run;
COMMENT ON TABLE core.run IS 'One row per run: what was measured, how, and how far it may be off.';
COMMENT ON COLUMN core.run.run_id IS 'Identifier of the run, unique to it; a hash of the row where a file gives none.';
COMMENT ON COLUMN core.run.parent_run_id IS 'Run that this one is a part of, where it is a task within a run.';
COMMENT ON COLUMN core.run.project_name IS 'Project that the run belongs to.';
COMMENT ON COLUMN core.run.experiment_id IS 'Experiment that the run belongs to, if one was named.';
COMMENT ON COLUMN core.run.status IS 'How the work ended: completed, failed, cancelled or interrupted.';
COMMENT ON COLUMN core.run.started_at IS 'Start, UTC. For imported files: end less duration.';
COMMENT ON COLUMN core.run.ended_at IS 'End, UTC. For imported files: local time of that machine, since CodeCarbon writes no zone.';
COMMENT ON COLUMN core.run.duration_s IS 'Duration, seconds.';
COMMENT ON COLUMN core.run.cpu_energy_kwh IS 'Energy of the CPUs, kWh, PUE included.';
COMMENT ON COLUMN core.run.gpu_energy_kwh IS 'Energy of the GPUs, kWh, PUE included.';
COMMENT ON COLUMN core.run.ram_energy_kwh IS 'Energy of the memory, kWh, PUE included.';
COMMENT ON COLUMN core.run.energy_kwh IS 'Energy that the meter saw, kWh, PUE included: the sum of the parts.';
COMMENT ON COLUMN core.run.attributed_energy_kwh IS 'This run''s share, kWh, where runs overlap on a host; 0 for a task whose run is known; else energy_kwh.';
COMMENT ON COLUMN core.run.energy_low_kwh IS 'Lower end of what the machine drew at the wall, kWh, PUE included; empty where the CPU was not measured.';
COMMENT ON COLUMN core.run.energy_high_kwh IS 'Upper end of what the machine drew at the wall, kWh, PUE included; empty where the CPU was not measured.';
COMMENT ON COLUMN core.run.cpu_power_w IS 'Mean power of the CPUs, W: energy over duration.';
COMMENT ON COLUMN core.run.gpu_power_w IS 'Mean power of the GPUs, W: energy over duration.';
COMMENT ON COLUMN core.run.ram_power_w IS 'Mean power of the memory, W: energy over duration.';
COMMENT ON COLUMN core.run.cpu_tdp_w IS 'Thermal design power that a modelled CPU method reckons with, W.';
COMMENT ON COLUMN core.run.emissions_kg IS 'Emissions, kg CO2eq: energy_kwh times carbon intensity.';
COMMENT ON COLUMN core.run.emissions_low_kg IS 'Lower end of the emissions, kg CO2eq: lower ends of energy and carbon intensity.';
COMMENT ON COLUMN core.run.emissions_high_kg IS 'Upper end of the emissions, kg CO2eq: upper ends of energy and carbon intensity.';
COMMENT ON COLUMN core.run.emissions_rate_kg_per_s IS 'Emissions over duration, kg CO2eq/s.';
COMMENT ON COLUMN core.run.carbon_intensity_g_per_kwh IS 'Carbon intensity of the electricity, gCO2eq/kWh.';
COMMENT ON COLUMN core.run.intensity_source IS 'Source of the intensity: configured, electricity_maps, cloud_region, region_average, country_average, world_average, csv (what the file''s emissions imply), unknown.';
COMMENT ON COLUMN core.run.location_source IS 'Source of the location: configured, ip-api, csv (as in the file), unknown.';
COMMENT ON COLUMN core.run.cpu_method IS 'How the CPUs'' energy was obtained: rapl, emi, power_gadget, powermetrics, pmic, cpu_load, constant, none; unknown for files.';
COMMENT ON COLUMN core.run.gpu_method IS 'How the GPUs'' energy was obtained: nvml_counter, nvml_sampled, amdsmi, powermetrics, none; unknown for files.';
COMMENT ON COLUMN core.run.ram_method IS 'How the memory''s energy was obtained: estimated, constant, pmic, none; unknown for files.';
COMMENT ON COLUMN core.run.meter IS 'What measured.';
COMMENT ON COLUMN core.run.meter_error IS 'Why the meter failed, if it did.';
COMMENT ON COLUMN core.run.settings_error IS 'Which setting was not usable and replaced by its default, if one was.';
COMMENT ON COLUMN core.run.tracking_mode IS 'What the meter looked at: machine or process.';
COMMENT ON COLUMN core.run.pue IS 'Power usage effectiveness contained in the energies.';
COMMENT ON COLUMN core.run.quality IS 'BoAmps'' band: high within 10 %, medium within 25 %, low otherwise; empty where no interval was estimated.';
COMMENT ON COLUMN core.run.flags IS 'What was corrected or is doubtful; docs/warehouse.md lists every flag.';
COMMENT ON COLUMN core.run.process_cpu_s IS 'CPU seconds of the tracked process and all that it started.';
COMMENT ON COLUMN core.run.host_cpu_s IS 'Busy CPU seconds of the whole host.';
COMMENT ON COLUMN core.run.dagster_run_id IS 'Dagster run that the work was part of.';
COMMENT ON COLUMN core.run.step_key IS 'Dagster step that the work was.';
COMMENT ON COLUMN core.run.partition_key IS 'Dagster partition.';
COMMENT ON COLUMN core.run.retry_number IS 'Attempt of the Dagster step, 0 for the first.';
COMMENT ON COLUMN core.run.source IS 'What tracked it: dagster, track, command, or an imported csv.';
COMMENT ON COLUMN core.run.source_file IS 'File that the run was loaded from.';
COMMENT ON COLUMN core.run.source_line IS 'Line of that file.';
COMMENT ON COLUMN core.run.cpu_tdp_source IS 'Where that TDP comes from: table, or a guess of CodeCarbon''s: 4_w_per_thread, 85_w.';
COMMENT ON COLUMN core.run.gpu_tracked_count IS 'GPUs whose energy was measured.';
COMMENT ON COLUMN core.run.sample_s IS 'How often the meter was to be read, seconds.';
COMMENT ON COLUMN core.run.sample_count IS 'How often the meter was read, the end included.';
COMMENT ON COLUMN core.run.idle_energy_kwh IS 'Energy of the idle machine in idle_duration_s, kWh, PUE included.';
COMMENT ON COLUMN core.run.idle_duration_s IS 'How long the idle machine was measured, seconds.';
COMMENT ON COLUMN core.run.idle_measured_at IS 'When the idle machine was measured, UTC.';
COMMENT ON COLUMN core.run.energy_above_idle_kwh IS 'Energy less what the idle machine would have drawn in the same time, kWh; below 0 by chance.';
COMMENT ON COLUMN core.run.meter_settings_ignored IS 'CodeCarbon''s settings found in files and variables; they do not count here.';
COMMENT ON COLUMN core.run.intensity_year IS 'Year that an average carbon intensity is of.';
COMMENT ON COLUMN core.run.intensity_note IS 'What else there is to say of the carbon intensity.';
COMMENT ON COLUMN core.run.carbon_intensity_low_g_per_kwh IS 'Lower end of the carbon intensity, gCO2eq/kWh.';
COMMENT ON COLUMN core.run.carbon_intensity_high_g_per_kwh IS 'Upper end of the carbon intensity, gCO2eq/kWh.';
COMMENT ON COLUMN core.run.hardware_id IS 'Key to core.hardware.';
COMMENT ON COLUMN core.run.location_id IS 'Key to core.location.';
COMMENT ON COLUMN core.run.software_id IS 'Key to core.software.';
COMMENT ON COLUMN core.run.task_id IS 'Key to core.task.';
