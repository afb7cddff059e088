-- A row if runs of the asset $asset_key belong to $project.
SELECT run_id FROM report.asset_runs WHERE asset_key = $asset_key AND project_name = $project LIMIT 1;
