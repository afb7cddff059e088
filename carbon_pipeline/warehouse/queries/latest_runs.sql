SELECT run_id, project_name, name, status, started_at, duration_s, energy_kwh, emissions_kg, cpu_method, flags
FROM report.runs
ORDER BY ended_at DESC
LIMIT ?;
