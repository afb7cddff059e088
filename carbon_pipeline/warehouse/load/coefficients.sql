-- The coefficients of each machine (see machines.sql), lower and upper ends. $machines is a JSON array.
CREATE OR REPLACE TEMP TABLE coefficients AS
SELECT unnest(from_json($machines, '[{
    "cpu_model": "VARCHAR", "cpu_count": "INTEGER", "gpu_model": "VARCHAR", "gpu_count": "INTEGER",
    "tracking_mode": "VARCHAR", "gpu_tracked_count": "INTEGER",
    "cpu": ["DOUBLE"], "gpu": ["DOUBLE"], "ram": ["DOUBLE"], "losses": ["DOUBLE"], "rest_w": ["DOUBLE"]
}]'), max_depth := 2);
