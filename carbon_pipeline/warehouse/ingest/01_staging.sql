-- What a load holds until its transaction. Rows and what many of them share are apart: half of a row's characters are the
-- same in all rows. A row points at its shared part by a hash, which is never stored.
CREATE OR REPLACE TEMP TABLE new_file (
    file_no INTEGER, source_file VARCHAR, sha256 VARCHAR, same_as INTEGER, format VARCHAR, note VARCHAR, kept VARCHAR,
    fingerprint VARCHAR, timezone VARCHAR, rows_read BIGINT
);
CREATE OR REPLACE TEMP TABLE rejected_row (file_no INTEGER, line BIGINT, reason VARCHAR, content VARCHAR);
-- Files that DuckDB reads as they are: their rows have no line of their own, the first one is at line 2.
CREATE OR REPLACE TEMP TABLE direct_file (file_no INTEGER, first_row BIGINT);
CREATE OR REPLACE TEMP TABLE staged (
    file_no INTEGER, line BIGINT, context UBIGINT, run_id VARCHAR, parent_run_id VARCHAR, project_name VARCHAR,
    experiment_id VARCHAR, task_name VARCHAR, ended_at TIMESTAMPTZ, measured_s DOUBLE, cpu_kwh DOUBLE, gpu_kwh DOUBLE,
    ram_kwh DOUBLE, total_kwh DOUBLE, file_emissions_kg DOUBLE, file_rate_kg_per_s DOUBLE, file_cpu_w DOUBLE,
    file_gpu_w DOUBLE, file_ram_w DOUBLE, file_cpu_utilization DOUBLE, gpu_utilization DOUBLE, ram_utilization DOUBLE,
    ram_used_gb DOUBLE, water_l DOUBLE, extra_columns VARCHAR, has_default_experiment BOOLEAN, has_invalid_value BOOLEAN,
    is_repaired BOOLEAN
);
CREATE OR REPLACE TEMP TABLE staged_context (
    context UBIGINT, country_name VARCHAR, country_iso_code VARCHAR, region VARCHAR, longitude DOUBLE, latitude DOUBLE,
    cloud_provider VARCHAR, cloud_region VARCHAR, os VARCHAR, python_version VARCHAR, codecarbon_version VARCHAR,
    cpu_count DOUBLE, cpu_model VARCHAR, gpu_count DOUBLE, gpu_model VARCHAR, ram_total_size DOUBLE, tracking_mode VARCHAR,
    pue DOUBLE, wue DOUBLE, extra VARCHAR
);
CREATE OR REPLACE TEMP MACRO clean_text(cell) AS nullif(trim(cell, E' \t\r\n'), '');
CREATE OR REPLACE TEMP MACRO share(percent) AS CASE WHEN percent > 0 AND percent <= 100 THEN percent / 100 END;
CREATE OR REPLACE TEMP MACRO context_of(
    country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
    codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, wue, extra
) AS hash(country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
    codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, wue, extra);
-- The one way in which clean rows are read. $nothing is an empty file, so that every column is there.
CREATE OR REPLACE TEMP MACRO clean_rows(nothing, every_column, path, own_columns, has_header, longest) AS TABLE
FROM read_csv(nothing, columns = every_column, auto_detect = false, header = false)
UNION ALL BY NAME
FROM read_csv(
    path, columns = own_columns, auto_detect = false, header = has_header, delim = ',', quote = '"', escape = '"',
    strict_mode = true, null_padding = false, max_line_size = longest, hive_partitioning = false, store_rejects = true,
    rejects_limit = 0
);
