-- The interval model for each context, computed by carbon_pipeline/model/interval.py; core.run applies it. Recomputed for
-- all contexts when the model changes.
CREATE TABLE raw.coefficients (
    context_no INTEGER PRIMARY KEY,
    cpu_low DOUBLE[] NOT NULL,
    cpu_low_w DOUBLE[] NOT NULL,
    cpu_high DOUBLE[] NOT NULL,
    cpu_high_w DOUBLE[] NOT NULL,
    gpu_low DOUBLE NOT NULL,
    gpu_high DOUBLE NOT NULL,
    ram_low DOUBLE NOT NULL,
    ram_high DOUBLE NOT NULL,
    total_low DOUBLE NOT NULL,
    total_high DOUBLE NOT NULL,
    losses_low DOUBLE NOT NULL,
    losses_high DOUBLE NOT NULL,
    rest_low_w DOUBLE NOT NULL,
    rest_high_w DOUBLE NOT NULL,
    missing_gpu_low_w DOUBLE NOT NULL,
    missing_gpu_high_w DOUBLE NOT NULL,
    missing_ram_low_w DOUBLE NOT NULL,
    missing_ram_high_w DOUBLE NOT NULL,
    cpu_limit_w DOUBLE NOT NULL,
    gpu_limit_w DOUBLE NOT NULL,
    ram_limit_w DOUBLE NOT NULL,
    intensity_low DOUBLE NOT NULL,
    intensity_high DOUBLE NOT NULL,
    intensity_low_g_per_kwh DOUBLE,
    intensity_high_g_per_kwh DOUBLE,
    intensity_min_g_per_kwh DOUBLE,
    intensity_max_g_per_kwh DOUBLE,
    fallback_g_per_kwh DOUBLE NOT NULL
);
COMMENT ON TABLE raw.coefficients IS 'The interval model for each context; core.run applies it.';
COMMENT ON COLUMN raw.coefficients.context_no IS 'Key to raw.context.';
