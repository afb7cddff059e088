-- The readings of landed records.
INSERT INTO raw.curve BY NAME
SELECT file_no, line, unnest(from_json(samples, '{
    "at_s": ["DOUBLE"], "cpu_energy_kwh": ["DOUBLE"], "gpu_energy_kwh": ["DOUBLE"], "ram_energy_kwh": ["DOUBLE"],
    "process_cpu_s": ["FLOAT"], "host_cpu_s": ["FLOAT"], "process_gpu_s": ["FLOAT"], "process_gpu_memory_gb_s": ["FLOAT"],
    "wall_energy_kwh": ["DOUBLE"]
}'))
FROM read_csv(
    $path, columns = $columns, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    strict_mode = true, null_padding = false, max_line_size = $longest, hive_partitioning = false
);
