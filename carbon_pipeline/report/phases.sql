-- Phases of the runs with the IDs $ids by name, the $most that used the most energy of each run; of each the longest ones
-- with start and duration.
SELECT
    run_id,
    phases.name AS name,
    sum(phases.phases)::BIGINT AS phases,
    sum(phases.duration_s) AS duration_s,
    sum(phases.energy_kwh) AS energy_kwh,
    CASE WHEN count(energy_low_kwh) = count(energy_kwh) THEN sum(energy_low_kwh) END AS energy_low_kwh,
    CASE WHEN count(energy_high_kwh) = count(energy_kwh) THEN sum(energy_high_kwh) END AS energy_high_kwh,
    list_slice(
        list([epoch(phases.started_at) - epoch(run.started_at), phases.duration_s] ORDER BY phases.duration_s DESC)
            FILTER (phases.phases = 1),
        1, $most_bands
    ) AS bands
FROM report.phases
JOIN (SELECT run_id, started_at FROM core.run WHERE list_contains($ids::VARCHAR[], run_id)) AS run USING (run_id)
WHERE list_contains($ids::VARCHAR[], run_id)
GROUP BY run_id, phases.name
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY sum(phases.energy_kwh) DESC NULLS LAST, name) <= $most
ORDER BY run_id, min(phases.started_at);
