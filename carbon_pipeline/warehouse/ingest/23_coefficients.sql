-- $rows is a JSON array of objects with the columns of raw.coefficients.
INSERT INTO raw.coefficients BY NAME
SELECT unnest(from_json($rows, '[{
    "context_no": "INTEGER", "inferred_method": "VARCHAR", "gpu_method": "VARCHAR", "ram_method": "VARCHAR",
    "counter": "VARCHAR", "constants_w": ["DOUBLE"], "loads_w": ["DOUBLE"], "has_floor": "BOOLEAN", "cpu_low": ["DOUBLE"], "cpu_low_w": ["DOUBLE"], "cpu_high": ["DOUBLE"],
    "cpu_high_w": ["DOUBLE"], "gpu_low": "DOUBLE", "gpu_high": "DOUBLE", "ram_low": "DOUBLE", "ram_high": "DOUBLE",
    "total_low": ["DOUBLE"], "total_low_w": ["DOUBLE"], "total_high": ["DOUBLE"], "total_high_w": ["DOUBLE"],
    "losses_low": "DOUBLE", "losses_high": "DOUBLE",
    "rest_low_w": "DOUBLE", "rest_high_w": "DOUBLE", "missing_gpu_low_w": "DOUBLE", "missing_gpu_high_w": "DOUBLE",
    "missing_ram_low_w": "DOUBLE", "missing_ram_high_w": "DOUBLE", "cpu_limit_w": "DOUBLE", "gpu_limit_w": "DOUBLE",
    "ram_limit_w": "DOUBLE", "intensity_low": "DOUBLE", "intensity_high": "DOUBLE", "intensity_low_g_per_kwh": "DOUBLE",
    "intensity_high_g_per_kwh": "DOUBLE", "intensity_min_g_per_kwh": "DOUBLE", "intensity_max_g_per_kwh": "DOUBLE",
    "fallback_g_per_kwh": "DOUBLE"
}]'), max_depth := 2);
