CREATE TABLE core.hardware (
    hardware_id UUID PRIMARY KEY,
    host VARCHAR,
    cpu_model VARCHAR,
    cpu_count INTEGER CHECK (cpu_count > 0),
    cpu_physical_count INTEGER CHECK (cpu_physical_count > 0),
    gpu_model VARCHAR,
    gpu_count INTEGER CHECK (gpu_count >= 0),
    gpu_memory_gb DOUBLE CHECK (isfinite(gpu_memory_gb) AND gpu_memory_gb >= 0),
    gpu_driver VARCHAR,
    ram_gb DOUBLE CHECK (isfinite(ram_gb) AND ram_gb >= 0)
);
COMMENT ON TABLE core.hardware IS 'Machines on which runs took place (BoAmps: infrastructure and its components).';
COMMENT ON COLUMN core.hardware.hardware_id IS 'Key, made from all other columns.';
COMMENT ON COLUMN core.hardware.host IS 'Name of the machine in its network; not known for imported files.';
COMMENT ON COLUMN core.hardware.cpu_model IS 'Name of the CPU.';
COMMENT ON COLUMN core.hardware.cpu_count IS 'Logical CPUs, as CodeCarbon counts them.';
COMMENT ON COLUMN core.hardware.cpu_physical_count IS 'Physical cores.';
COMMENT ON COLUMN core.hardware.gpu_model IS 'Name of the GPUs.';
COMMENT ON COLUMN core.hardware.gpu_count IS 'Number of GPUs; 0 where there is none.';
COMMENT ON COLUMN core.hardware.gpu_memory_gb IS 'Memory of one GPU, GiB (2^30 bytes).';
COMMENT ON COLUMN core.hardware.gpu_driver IS 'Version of the GPU driver.';
COMMENT ON COLUMN core.hardware.ram_gb IS 'Main memory, GiB (2^30 bytes), as CodeCarbon counts it.';
