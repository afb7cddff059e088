-- What cells may hold, for rows that are read one by one and for large files alike.
CREATE OR REPLACE TEMP MACRO without_blanks(cell) AS nullif(trim(cell, E' \t\r\n'), '');
-- CodeCarbon's first release is of 2020. A clock is no bound: what is refused today would not be tomorrow.
CREATE OR REPLACE TEMP MACRO is_possible_moment(moment) AS coalesce(
    isfinite(moment) AND moment BETWEEN TIMESTAMPTZ '2015-01-01 00:00:00+00' AND TIMESTAMPTZ '2100-01-01 00:00:00+00', false
);
CREATE OR REPLACE TEMP MACRO is_possible_duration(seconds) AS coalesce(seconds BETWEEN 0 AND 1e10, false);
-- Nobody has used 1e9 kWh or emitted 1e9 kg in a run.
CREATE OR REPLACE TEMP MACRO is_possible_amount(amount) AS coalesce(amount BETWEEN 0 AND 1e9, false);
-- What many rows have in common (see kind.sql).
CREATE OR REPLACE TEMP MACRO kind_of(
    country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
    codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue, gpu_energy
) AS hash(country_name, country_iso_code, region, longitude, latitude, cloud_provider, cloud_region, os, python_version,
    codecarbon_version, cpu_count, cpu_model, gpu_count, gpu_model, ram_total_size, tracking_mode, pue,
    gpu_count > 0 AND gpu_energy = 0);
