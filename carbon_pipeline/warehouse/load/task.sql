INSERT INTO core.task
SELECT DISTINCT task_id, name, asset_key
FROM keyed
ON CONFLICT DO NOTHING;
