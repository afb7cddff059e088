-- Rows of a large file, and those of them that have to be looked at one by one, as codecarbon_refused.sql does.
SELECT
    count(*) AS rows,
    count(*) FILTER (
        run_key IS NULL OR parent_run_id IS NOT NULL OR run_key IN ('', getvariable('known').default_experiment_id)
        OR timestamp IS NULL OR NOT isfinite(timestamp)
        OR timestamp NOT BETWEEN TIMESTAMPTZ '2015-01-01 00:00:00+00' AND now() + INTERVAL 2 DAY
        OR NOT coalesce(duration BETWEEN 0 AND 1e10, false)
        OR NOT coalesce(energy_consumed BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(cpu_energy BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(gpu_energy BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(ram_energy BETWEEN 0 AND 1e9, true)
        OR NOT coalesce(emissions BETWEEN 0 AND 1e9, true)
    ) AS doubtful,
    (SELECT count(*) FROM reject_errors) AS rejected
FROM codecarbon_row
WHERE file_no = $file_no;
