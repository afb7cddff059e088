-- What many measurements share, once: place, machine, software, methods, settings.
CREATE SEQUENCE raw.context_no MINVALUE 0 START 1;
CREATE TABLE raw.context (
    context_no INTEGER PRIMARY KEY,
    context_key UUID UNIQUE NOT NULL,
    source VARCHAR NOT NULL CHECK (source IN ('dagster', 'track', 'command', 'csv')),
    host VARCHAR,
    host_id VARCHAR,
    machine_id VARCHAR,
    cpu_model VARCHAR,
    cpu_count INTEGER CHECK (cpu_count > 0),
    cpu_physical_count INTEGER CHECK (cpu_physical_count > 0),
    gpu_model VARCHAR,
    gpu_count INTEGER CHECK (gpu_count >= 0),
    gpu_memory_gb DOUBLE CHECK (gpu_memory_gb >= 0),
    gpu_driver VARCHAR,
    ram_gb DOUBLE CHECK (ram_gb >= 0),
    machine_kind VARCHAR,
    country_name VARCHAR,
    country_iso_code VARCHAR CHECK (length(country_iso_code) = 2),
    region VARCHAR,
    latitude DOUBLE CHECK (latitude BETWEEN -90 AND 90),
    longitude DOUBLE CHECK (longitude BETWEEN -180 AND 180),
    cloud_provider VARCHAR,
    cloud_region VARCHAR,
    location_source VARCHAR NOT NULL,
    os VARCHAR,
    distribution VARCHAR,
    distribution_version VARCHAR,
    python_version VARCHAR,
    codecarbon_version VARCHAR,
    meter VARCHAR NOT NULL,
    cpu_method VARCHAR NOT NULL,
    gpu_method VARCHAR NOT NULL,
    ram_method VARCHAR NOT NULL,
    cpu_tdp_w DOUBLE CHECK (cpu_tdp_w >= 0),
    cpu_tdp_source VARCHAR,
    gpu_tracked_count INTEGER,
    sample_s DOUBLE,
    meter_settings_ignored VARCHAR,
    wall_meter VARCHAR,
    settings_error VARCHAR,
    tracking_mode VARCHAR CHECK (tracking_mode IN ('machine', 'process')),
    pue DOUBLE CHECK (pue >= 1),
    wue_l_per_kwh DOUBLE CHECK (wue_l_per_kwh >= 0),
    intensity_source VARCHAR NOT NULL,
    intensity_year INTEGER,
    is_fallback BOOLEAN NOT NULL,
    is_code_converted BOOLEAN NOT NULL,
    has_discarded_value BOOLEAN NOT NULL,
    hardware_id UUID NOT NULL,
    location_id UUID NOT NULL,
    software_id UUID NOT NULL
);
COMMENT ON TABLE raw.context IS 'What many measurements share, once: place, machine, software, methods, settings.';
COMMENT ON COLUMN raw.context.context_no IS 'Number of the context.';
COMMENT ON COLUMN raw.context.context_key IS 'Hash of all other columns.';
COMMENT ON COLUMN raw.context.wue_l_per_kwh IS 'Water usage effectiveness (WUE) that the water was computed with, l/kWh.';
COMMENT ON COLUMN raw.context.is_fallback IS 'Whether the location in the file is CodeCarbon''s fallback, Canada; it is discarded.';
COMMENT ON COLUMN raw.context.is_code_converted IS 'Whether the file has a country code of three letters.';
COMMENT ON COLUMN raw.context.has_discarded_value IS 'Whether an impossible value in the file was discarded.';
COMMENT ON COLUMN raw.context.hardware_id IS 'Key to core.hardware.';
COMMENT ON COLUMN raw.context.location_id IS 'Key to core.location.';
COMMENT ON COLUMN raw.context.software_id IS 'Key to core.software.';
