-- Whether all is there of what was just read: rows, rows that are out of bounds, that may be two in one (a time within a
-- cell) or shifted (a number as a name, an unknown cloud), rows that DuckDB rejected, rows whose context is not known yet.
-- $first is the row number of the first one.
SELECT
    count(*) AS rows,
    count(*) FILTER (
        NOT coalesce(ended_at >= TIMESTAMPTZ '2015-01-01 00:00:00+00' AND ended_at < TIMESTAMPTZ '2101-01-01 00:00:00+00', false)
        OR NOT coalesce(measured_s BETWEEN 0 AND 1e10, false)
        OR NOT coalesce(cpu_kwh BETWEEN 0 AND 1e9, true) OR NOT coalesce(gpu_kwh BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(ram_kwh BETWEEN 0 AND 1e9, true) OR NOT coalesce(total_kwh BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(file_emissions_kg BETWEEN 0 AND 1e9, true)
    ) AS rows_out_of_bounds,
    count(*) FILTER (
        contains(run_id, ':') OR contains(experiment_id, ':') OR context IN (
            SELECT context
            FROM staged_context
            WHERE regexp_matches(concat_ws(' ', country_name, country_iso_code, region, cloud_provider, cloud_region, os,
                python_version, codecarbon_version, cpu_model, gpu_model, tracking_mode), '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:')
                OR regexp_full_match(gpu_model, '-?[0-9.]+') OR regexp_full_match(cpu_model, '-?[0-9.]+')
                OR regexp_full_match(country_name, '-?[0-9.]+') OR cloud_provider NOT IN ('aws', 'azure', 'gcp')
        )
    ) AS rows_that_look_damaged,
    (SELECT count(*) FROM reject_errors) AS rows_rejected,
    count(*) FILTER (context NOT IN (SELECT context FROM staged_context)) AS rows_without_context
FROM staged
WHERE rowid >= $first;
