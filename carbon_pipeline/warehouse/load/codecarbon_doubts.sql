-- Rows of a large file, and those of them that have to be looked at one by one, as codecarbon_refused.sql does.
SELECT
    count(*) AS rows,
    count(*) FILTER (
        run_key IS NULL OR parent_run_id IS NOT NULL OR run_key IN ('', getvariable('known').default_experiment_id)
        OR NOT is_possible_moment(timestamp)
        OR NOT is_possible_duration(duration)
        OR energy_consumed IS NOT NULL AND NOT is_possible_amount(energy_consumed)
        OR cpu_energy IS NOT NULL AND NOT is_possible_amount(cpu_energy)
        OR gpu_energy IS NOT NULL AND NOT is_possible_amount(gpu_energy)
        OR ram_energy IS NOT NULL AND NOT is_possible_amount(ram_energy)
        OR emissions IS NOT NULL AND NOT is_possible_amount(emissions)
    ) AS doubtful,
    (SELECT count(*) FROM reject_errors) AS rejected
FROM codecarbon_row
WHERE file_no = $file_no;
