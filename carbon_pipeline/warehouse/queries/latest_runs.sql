WITH latest AS (
    SELECT run_id FROM raw.measurement WHERE is_current ORDER BY ended_at DESC, run_id LIMIT $limit
)
SELECT run_id, project_name, name, status, started_at, duration_s, energy_kwh, emissions_kg, cpu_method, flags
FROM report.runs
WHERE run_id IN (SELECT run_id FROM latest)
ORDER BY ended_at DESC, run_id;
