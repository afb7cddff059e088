-- The interval model for each context, computed by carbon_pipeline/model/interval.py; core.run applies it. Recomputed for
-- all contexts when the model changes. Where a file does not say how the CPU was measured, there is a row for each method that
-- may be inferred, and what tells them apart (carbon_pipeline/model/clues.py).
CREATE TABLE raw.coefficients (
    context_no INTEGER,
    inferred_method VARCHAR NOT NULL,
    gpu_method VARCHAR NOT NULL,
    ram_method VARCHAR NOT NULL,
    counter VARCHAR,
    constants_w DOUBLE[] NOT NULL,
    loads_w DOUBLE[] NOT NULL,
    has_floor BOOLEAN NOT NULL,
    cpu_low DOUBLE[] NOT NULL,
    cpu_low_w DOUBLE[] NOT NULL,
    cpu_high DOUBLE[] NOT NULL,
    cpu_high_w DOUBLE[] NOT NULL,
    gpu_low DOUBLE NOT NULL,
    gpu_high DOUBLE NOT NULL,
    ram_low DOUBLE NOT NULL,
    ram_high DOUBLE NOT NULL,
    total_low DOUBLE[] NOT NULL,
    total_low_w DOUBLE[] NOT NULL,
    total_high DOUBLE[] NOT NULL,
    total_high_w DOUBLE[] NOT NULL,
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
    fallback_g_per_kwh DOUBLE NOT NULL,
    PRIMARY KEY (context_no, inferred_method)
);
COMMENT ON TABLE raw.coefficients IS 'The interval model for each context; core.run applies it.';
COMMENT ON COLUMN raw.coefficients.context_no IS 'Key to raw.context.';
COMMENT ON COLUMN raw.coefficients.inferred_method IS 'Method of the CPU that these are for; nothing where it is recorded.';
COMMENT ON COLUMN raw.coefficients.counter IS 'The counter that the CPU has, where one may be inferred.';
COMMENT ON COLUMN raw.coefficients.constants_w IS 'Powers that CodeCarbon takes for the mean of the CPU without looking, W.';
COMMENT ON COLUMN raw.coefficients.loads_w IS 'Powers of the CPU at full load that CodeCarbon may have assumed, W.';
COMMENT ON COLUMN raw.coefficients.has_floor IS 'Whether the modelled power is at least a tenth of it, and follows from the load.';
