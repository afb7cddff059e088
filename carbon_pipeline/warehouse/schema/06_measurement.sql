-- Every accepted row of a file and every landed record, once: what was measured. What follows from it is in core.run. The
-- last columns, from is_current on, relate a measurement to others; a load sets them anew for all runs that it touches. Without an index
-- on run_id, which takes longer to build than all else of a large load. run_id is random text, which does not compress.
CREATE TABLE raw.measurement ( -- noqa: PRS
    file_no INTEGER NOT NULL,
    line BIGINT NOT NULL,
    context_no INTEGER NOT NULL,
    inferred_method VARCHAR NOT NULL DEFAULT '',
    run_id VARCHAR NOT NULL USING COMPRESSION uncompressed,
    parent_run_id VARCHAR,
    project_name VARCHAR,
    experiment_id VARCHAR,
    name VARCHAR,
    asset_key VARCHAR,
    status VARCHAR NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled', 'interrupted')),
    error_type VARCHAR,
    started_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ NOT NULL CHECK (ended_at >= coalesce(started_at, ended_at)),
    measured_s DOUBLE NOT NULL CHECK (isfinite(measured_s) AND measured_s >= 0),
    cpu_kwh DOUBLE CHECK (isfinite(cpu_kwh) AND cpu_kwh >= 0),
    gpu_kwh DOUBLE CHECK (isfinite(gpu_kwh) AND gpu_kwh >= 0),
    ram_kwh DOUBLE CHECK (isfinite(ram_kwh) AND ram_kwh >= 0),
    total_kwh DOUBLE CHECK (isfinite(total_kwh) AND total_kwh >= 0),
    file_emissions_kg DOUBLE CHECK (isfinite(file_emissions_kg) AND file_emissions_kg >= 0),
    file_rate_kg_per_s DOUBLE,
    file_cpu_w DOUBLE,
    file_gpu_w DOUBLE,
    file_ram_w DOUBLE,
    file_cpu_utilization DOUBLE,
    gpu_utilization DOUBLE,
    ram_utilization DOUBLE,
    ram_used_gb DOUBLE,
    water_l DOUBLE,
    extra_columns JSON,
    has_default_experiment BOOLEAN NOT NULL,
    has_invalid_value BOOLEAN NOT NULL,
    is_repaired BOOLEAN NOT NULL,
    given_g_per_kwh DOUBLE,
    intensity_note VARCHAR,
    record_flags VARCHAR[],
    meter_error VARCHAR,
    sample_count BIGINT,
    process_cpu_s DOUBLE,
    host_cpu_s DOUBLE,
    idle_energy_kwh DOUBLE,
    idle_cpu_energy_kwh DOUBLE,
    idle_gpu_energy_kwh DOUBLE,
    idle_ram_energy_kwh DOUBLE,
    idle_duration_s DOUBLE,
    idle_measured_at TIMESTAMPTZ,
    cpu_gap_s DOUBLE,
    gpu_gap_s DOUBLE,
    wall_energy_kwh DOUBLE CHECK (isfinite(wall_energy_kwh) AND wall_energy_kwh >= 0),
    wall_low_kwh DOUBLE,
    wall_high_kwh DOUBLE,
    wall_method VARCHAR,
    wall_gap_s DOUBLE,
    wall_error VARCHAR,
    calibrated_kwh DOUBLE CHECK (isfinite(calibrated_kwh) AND calibrated_kwh >= 0),
    calibrated_low_kwh DOUBLE,
    calibrated_high_kwh DOUBLE,
    calibration_runs INTEGER,
    calibration_first_at TIMESTAMPTZ,
    calibration_last_at TIMESTAMPTZ,
    calibration_note VARCHAR,
    gpu_ids VARCHAR[],
    process VARCHAR,
    parent_processes VARCHAR[],
    outer_run_id VARCHAR,
    phases STRUCT(
        name VARCHAR, started_s DOUBLE, duration_s DOUBLE, cpu_energy_kwh DOUBLE, gpu_energy_kwh DOUBLE, ram_energy_kwh DOUBLE,
        depth BIGINT, parent VARCHAR, count BIGINT, least_s DOUBLE, most_s DOUBLE, least_kwh DOUBLE, most_kwh DOUBLE
    )[],
    metrics MAP(VARCHAR, DOUBLE),
    task JSON,
    dagster_run_id VARCHAR,
    step_key VARCHAR,
    partition_key VARCHAR,
    retry_number INTEGER,
    placement JSON,
    is_current BOOLEAN NOT NULL DEFAULT true,
    is_cumulative BOOLEAN NOT NULL DEFAULT false,
    attributed_share DOUBLE CHECK (attributed_share >= 0),
    attributed_idle_share DOUBLE CHECK (attributed_idle_share >= 0),
    attributed_wall_share DOUBLE CHECK (attributed_wall_share >= 0),
    attribution_method VARCHAR CHECK (attribution_method IN ('curve', 'mean_power')),
    day_shares DOUBLE[],
    tasks_s DOUBLE
);
COMMENT ON TABLE raw.measurement IS 'Every accepted row of a file and every landed record, once: what was measured.';
COMMENT ON COLUMN raw.measurement.file_no IS 'Key to raw.loaded_file.';
COMMENT ON COLUMN raw.measurement.line IS 'Line of the file on which the row begins, 1 for the first.';
COMMENT ON COLUMN raw.measurement.context_no IS 'Key to raw.context.';
COMMENT ON COLUMN raw.measurement.inferred_method IS 'How the CPU was measured, inferred from the row; nothing where it is recorded.';
COMMENT ON COLUMN raw.measurement.started_at IS 'Start, UTC; empty for imported rows, which have an end and a duration.';
COMMENT ON COLUMN raw.measurement.measured_s IS 'Duration as recorded, seconds.';
COMMENT ON COLUMN raw.measurement.cpu_kwh IS 'Energy of the CPUs as recorded, kWh.';
COMMENT ON COLUMN raw.measurement.gpu_kwh IS 'Energy of the GPUs as recorded, kWh.';
COMMENT ON COLUMN raw.measurement.ram_kwh IS 'Energy of the memory as recorded, kWh.';
COMMENT ON COLUMN raw.measurement.total_kwh IS 'Total energy of an imported row, kWh.';
COMMENT ON COLUMN raw.measurement.file_emissions_kg IS 'Emissions of an imported row, kg CO2eq.';
COMMENT ON COLUMN raw.measurement.file_rate_kg_per_s IS 'Emissions rate of an imported row, as it is in the file.';
COMMENT ON COLUMN raw.measurement.file_cpu_w IS 'Power of the CPUs in an imported row, W: CodeCarbon''s mean of samples.';
COMMENT ON COLUMN raw.measurement.file_gpu_w IS 'Power of the GPUs in an imported row, W.';
COMMENT ON COLUMN raw.measurement.file_ram_w IS 'Power of the memory in an imported row, W.';
COMMENT ON COLUMN raw.measurement.file_cpu_utilization IS 'Mean load of the CPUs in an imported row, 0 to 1.';
COMMENT ON COLUMN raw.measurement.has_default_experiment IS 'Whether an ID in the row is CodeCarbon''s default experiment ID.';
COMMENT ON COLUMN raw.measurement.has_invalid_value IS 'Whether a cell of the row that is no valid value was discarded.';
COMMENT ON COLUMN raw.measurement.is_repaired IS 'Whether the row was repaired while it was read.';
COMMENT ON COLUMN raw.measurement.given_g_per_kwh IS 'Carbon intensity of a landed record, gCO2eq/kWh.';
COMMENT ON COLUMN raw.measurement.record_flags IS 'Flags of a landed record.';
COMMENT ON COLUMN raw.measurement.is_current IS 'Whether this measurement is the one that counts for its run.';
COMMENT ON COLUMN raw.measurement.is_cumulative IS 'Whether imported files contain several states of the run.';
COMMENT ON COLUMN raw.measurement.attributed_share IS 'Attributed energy over measured energy where runs overlap; 0 for a task whose run is known; else empty.';
COMMENT ON COLUMN raw.measurement.attributed_idle_share IS 'The same of the energy that the idle machine would have used.';
COMMENT ON COLUMN raw.measurement.attributed_wall_share IS 'The same of the energy by a wall meter.';
COMMENT ON COLUMN raw.measurement.day_shares IS 'Share of each day (UTC) in the energy of a record of several days; empty for one day and for imported rows.';
COMMENT ON COLUMN raw.measurement.tasks_s IS 'Total duration of the tasks of the run, seconds, where they are known.';
