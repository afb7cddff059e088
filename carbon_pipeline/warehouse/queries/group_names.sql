-- The names of projects, of assets, and of what else was tracked.
SELECT DISTINCT 'project' AS kind, project_name AS name FROM report.counted_runs WHERE project_name IS NOT NULL
UNION ALL
SELECT DISTINCT 'asset', asset_key FROM report.asset_runs WHERE asset_key IS NOT NULL
UNION ALL
SELECT DISTINCT 'tracked', name FROM report.counted_runs WHERE asset_key IS NULL AND name IS NOT NULL;
