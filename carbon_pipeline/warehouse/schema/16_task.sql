CREATE OR REPLACE VIEW core.task AS
SELECT DISTINCT md5(to_json([name, asset_key])::VARCHAR)::UUID AS task_id, name, asset_key
FROM raw.measurement
WHERE is_current;
COMMENT ON VIEW core.task IS 'What was tracked (BoAmps: task).';
COMMENT ON COLUMN core.task.task_id IS 'Key, made from all other columns.';
