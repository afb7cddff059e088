INSERT INTO core.task BY NAME
SELECT task_id, name, asset_key FROM codecarbon_task
UNION
SELECT task_id, name, asset_key FROM record_dimension
ON CONFLICT DO NOTHING;
