-- Whether all is there of what was just read: rows, rows out of bounds, rows that DuckDB rejected, rows whose context is
-- not known yet. $first is the row number of the first one.
SELECT
    count(*) AS rows,
    count(*) FILTER (
        NOT coalesce(ended_at BETWEEN TIMESTAMPTZ '2015-01-01 00:00:00+00' AND TIMESTAMPTZ '2100-12-31 23:59:59+00', false)
        OR NOT coalesce(measured_s BETWEEN 0 AND 1e10, false)
        OR NOT coalesce(cpu_kwh BETWEEN 0 AND 1e9, true) OR NOT coalesce(gpu_kwh BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(ram_kwh BETWEEN 0 AND 1e9, true) OR NOT coalesce(total_kwh BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(file_emissions_kg BETWEEN 0 AND 1e9, true)
    ) AS rows_out_of_bounds,
    (SELECT count(*) FROM reject_errors) AS rows_rejected,
    count(*) FILTER (context NOT IN (SELECT context FROM staged_context)) AS rows_without_context
FROM staged
WHERE rowid >= $first;
