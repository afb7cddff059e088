-- Landed records: what is a record's own. Their names are those of core.run and report.runs.
CREATE OR REPLACE TEMP TABLE record AS
SELECT
    * REPLACE (
        from_json(flags, '["VARCHAR"]') AS flags,
        from_json(gpu_ids, '["VARCHAR"]') AS gpu_ids,
        from_json(parent_processes, '["VARCHAR"]') AS parent_processes,
        from_json(phases, '[{
            "name": "VARCHAR", "started_s": "DOUBLE", "duration_s": "DOUBLE", "cpu_energy_kwh": "DOUBLE",
            "gpu_energy_kwh": "DOUBLE", "ram_energy_kwh": "DOUBLE", "depth": "BIGINT", "parent": "VARCHAR", "count": "BIGINT",
            "least_s": "DOUBLE", "most_s": "DOUBLE", "least_kwh": "DOUBLE", "most_kwh": "DOUBLE"
        }]') AS phases,
        metrics::JSON::MAP(VARCHAR, DOUBLE) AS metrics
    ),
    hash(file_no) AS context
FROM read_csv(
    $path, columns = $columns, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    strict_mode = true, null_padding = false, max_line_size = $longest, hive_partitioning = false
);
