CREATE OR REPLACE TEMP TABLE codecarbon_task AS
SELECT project_name AS raw_project_name, task_name AS raw_task_name, name, NULL::VARCHAR AS asset_key, task_key(name, NULL) AS task_id
FROM (
    SELECT DISTINCT project_name, task_name, coalesce(task_name, project_name) AS name
    FROM codecarbon_row
);
