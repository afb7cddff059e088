-- Rows of CodeCarbon: first with its own names and with types; then what is a row's own, with a number for the kind that
-- it is of (see kind.sql) and one for its flags (see flag_sets.sql). Half of a row's letters are the same in all rows.
CREATE OR REPLACE TEMP TABLE codecarbon_typed (
    row_no BIGINT,
    file_no INTEGER,
    line BIGINT,
    run_key VARCHAR,
    has_nonsense BOOLEAN,
    "timestamp" TIMESTAMPTZ,
    run_id VARCHAR,
    experiment_id VARCHAR,
    project_name VARCHAR,
    task_name VARCHAR,
    duration DOUBLE,
    emissions DOUBLE,
    emissions_rate DOUBLE,
    cpu_power DOUBLE,
    gpu_power DOUBLE,
    ram_power DOUBLE,
    cpu_energy DOUBLE,
    gpu_energy DOUBLE,
    ram_energy DOUBLE,
    energy_consumed DOUBLE,
    country_name VARCHAR,
    country_iso_code VARCHAR,
    region VARCHAR,
    longitude DOUBLE,
    latitude DOUBLE,
    cloud_provider VARCHAR,
    cloud_region VARCHAR,
    os VARCHAR,
    python_version VARCHAR,
    codecarbon_version VARCHAR,
    cpu_count DOUBLE,
    cpu_model VARCHAR,
    gpu_count DOUBLE,
    gpu_model VARCHAR,
    ram_total_size DOUBLE,
    tracking_mode VARCHAR,
    pue DOUBLE,
    cpu_utilization_percent DOUBLE,
    gpu_utilization_percent DOUBLE
);
CREATE OR REPLACE TEMP TABLE codecarbon_row (
    row_no BIGINT,
    file_no INTEGER,
    line BIGINT,
    run_key VARCHAR,
    parent_run_id VARCHAR,
    experiment_id VARCHAR,
    project_name VARCHAR,
    task_name VARCHAR,
    "timestamp" TIMESTAMPTZ,
    duration DOUBLE,
    emissions DOUBLE,
    cpu_energy DOUBLE,
    gpu_energy DOUBLE,
    ram_energy DOUBLE,
    energy_consumed DOUBLE,
    cpu_utilization DOUBLE,
    gpu_utilization DOUBLE,
    kind UBIGINT,
    bits INTEGER
);
CREATE OR REPLACE TEMP TABLE raw_kind (
    file_no INTEGER,
    kind UBIGINT,
    raw_country_name VARCHAR,
    raw_country_iso_code VARCHAR,
    raw_region VARCHAR,
    raw_longitude DOUBLE,
    raw_latitude DOUBLE,
    raw_cloud_provider VARCHAR,
    raw_cloud_region VARCHAR,
    raw_os VARCHAR,
    raw_python_version VARCHAR,
    raw_codecarbon_version VARCHAR,
    raw_cpu_count DOUBLE,
    raw_cpu_model VARCHAR,
    raw_gpu_count DOUBLE,
    raw_gpu_model VARCHAR,
    raw_ram_total_size DOUBLE,
    raw_tracking_mode VARCHAR,
    raw_pue DOUBLE,
    raw_gpu_is_silent BOOLEAN
);
-- The sum of the parts where all are there (as the file rounds it), else the total, else what there is of parts.
CREATE OR REPLACE TEMP MACRO energy(cpu, gpu, ram, total) AS coalesce(
    CASE WHEN abs(total - (cpu + gpu + ram)) <= 1e-6 * total THEN total ELSE cpu + gpu + ram END,
    total,
    CASE WHEN coalesce(cpu, gpu, ram) IS NOT NULL THEN coalesce(cpu, 0) + coalesce(gpu, 0) + coalesce(ram, 0) END
);
CREATE OR REPLACE TEMP MACRO power_fits(power, energy_kwh, duration) AS
    NOT isfinite(power) OR abs(power * duration - energy_kwh * 3.6e6) <= 0.01 * power * duration;
-- By more than a factor of three in more than a minute, four of CodeCarbon's samples: power, energy or duration is wrong.
CREATE OR REPLACE TEMP MACRO contradicts(power, energy_kwh, duration) AS
    isfinite(power) AND power > 0 AND energy_kwh > 0 AND duration > 60
    AND power * duration NOT BETWEEN energy_kwh * 3.6e6 / 3 AND energy_kwh * 3.6e6 * 3;
