-- The coefficients of each kind of row (see kinds.sql), lower and upper ends. $kinds is a JSON array.
CREATE OR REPLACE TEMP TABLE kind AS
SELECT unnest(from_json($kinds, '[{
    "cpu_model": "VARCHAR", "cpu_count": "INTEGER", "gpu_model": "VARCHAR", "gpu_count": "INTEGER", "ram_gb": "DOUBLE",
    "tracking_mode": "VARCHAR", "gpu_tracked_count": "INTEGER",
    "cpu": ["DOUBLE"], "gpu": ["DOUBLE"], "ram": ["DOUBLE"], "losses": ["DOUBLE"], "rest_w": ["DOUBLE"]
}]'), max_depth := 2);
