CREATE TABLE core.task (
    task_id UUID PRIMARY KEY,
    name VARCHAR,
    asset_key VARCHAR
);
COMMENT ON TABLE core.task IS 'What was tracked (BoAmps: task).';
COMMENT ON COLUMN core.task.task_id IS 'Key, made from all other columns.';
COMMENT ON COLUMN core.task.name IS 'Name given to track(), or the name of the asset.';
COMMENT ON COLUMN core.task.asset_key IS 'Dagster asset, parts joined by /.';
