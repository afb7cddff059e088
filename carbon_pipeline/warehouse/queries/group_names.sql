-- The names of projects and assets.
SELECT DISTINCT 'project' AS kind, project_name AS name FROM report.counted_runs WHERE project_name IS NOT NULL
UNION ALL
SELECT DISTINCT 'asset', asset_key FROM report.asset_runs WHERE asset_key IS NOT NULL;
