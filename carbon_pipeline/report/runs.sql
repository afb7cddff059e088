-- What the page shows of the runs with the IDs $ids.
SELECT
    run_id, coalesce(asset_key, name, '') AS name, coalesce(project_name, '') AS project, status, started_at,
    duration_s, estimate_kwh AS energy_kwh, energy_low_kwh, energy_high_kwh,
    estimate_kg AS emissions_kg, emissions_low_kg, emissions_high_kg, flags
FROM report.runs
WHERE list_contains($ids::VARCHAR[], run_id);
