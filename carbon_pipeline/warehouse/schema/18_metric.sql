CREATE OR REPLACE VIEW core.metric AS
SELECT run_id, entry.key AS name, entry.value AS value
FROM (
    SELECT run_id, unnest(map_entries(metrics)) AS entry
    FROM raw.measurement
    WHERE is_current AND metrics IS NOT NULL
);
COMMENT ON VIEW core.metric IS 'What runs reported of themselves, such as accuracy: the last value of each metric.';
COMMENT ON COLUMN core.metric.name IS 'Name of the metric.';
COMMENT ON COLUMN core.metric.value IS 'Its last value.';
