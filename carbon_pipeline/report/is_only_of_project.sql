-- A row if all runs of the asset $asset_key belong to $project: what others have spent on it is not for its page.
SELECT asset_key FROM report.asset_runs
WHERE asset_key = $asset_key
GROUP BY asset_key
HAVING bool_and(coalesce(project_name = $project, false));
