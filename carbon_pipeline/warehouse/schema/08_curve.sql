-- The readings of landed records, as columns: cumulated values, the first at the start of the run.
CREATE TABLE raw.curve (
    file_no INTEGER NOT NULL,
    line BIGINT NOT NULL,
    at_s DOUBLE[] NOT NULL,
    cpu_energy_kwh DOUBLE[],
    gpu_energy_kwh DOUBLE[],
    ram_energy_kwh DOUBLE[],
    process_cpu_s FLOAT[],
    host_cpu_s FLOAT[],
    process_gpu_s FLOAT[],
    process_gpu_memory_gb_s FLOAT[],
    wall_energy_kwh DOUBLE[]
);
COMMENT ON TABLE raw.curve IS 'The readings of landed records, as columns: cumulated values, the first at the start of the run.';
COMMENT ON COLUMN raw.curve.file_no IS 'Key to raw.loaded_file.';
COMMENT ON COLUMN raw.curve.line IS 'Line of that file; with file_no, the key to raw.measurement.';
COMMENT ON COLUMN raw.curve.at_s IS 'Times since the start of the run, seconds.';
COMMENT ON COLUMN raw.curve.cpu_energy_kwh IS 'Energy of the CPUs until these times, kWh, PUE included.';
COMMENT ON COLUMN raw.curve.gpu_energy_kwh IS 'Energy of the GPUs, kWh, PUE included.';
COMMENT ON COLUMN raw.curve.ram_energy_kwh IS 'Energy of the memory, kWh, PUE included.';
COMMENT ON COLUMN raw.curve.process_cpu_s IS 'CPU time of the process and its descendants, seconds.';
COMMENT ON COLUMN raw.curve.host_cpu_s IS 'Busy CPU time of the whole host, seconds.';
COMMENT ON COLUMN raw.curve.process_gpu_s IS 'Time in which the process and its descendants kept GPUs busy, seconds.';
COMMENT ON COLUMN raw.curve.process_gpu_memory_gb_s IS 'GPU memory of the process and its descendants times time, GiB s.';
COMMENT ON COLUMN raw.curve.wall_energy_kwh IS 'Energy by a wall meter until these times, kWh, PUE included.';
