-- Phases of runs, such as epochs. The interval is that of core.run.
CREATE OR REPLACE VIEW core.phase AS
WITH each AS (
    SELECT
        run_id,
        started_at AS run_started_at,
        context_no,
        inferred_method,
        unnest(phases, max_depth := 2)
    FROM raw.measurement
    WHERE is_current AND phases IS NOT NULL
), ends AS (
    SELECT
        each.*,
        coalesce(cpu_energy_kwh, gpu_energy_kwh, ram_energy_kwh) IS NOT NULL AS is_measured,
        coalesce(cpu_energy_kwh, 0) + coalesce(gpu_energy_kwh, 0) + coalesce(ram_energy_kwh, 0) AS known_kwh,
        duration_s / 3.6e6 * pue AS kwh_per_w,
        losses_low * core.parts_low(cpu_low, cpu_low_w, gpu_low, ram_low, cpu_energy_kwh, gpu_energy_kwh, ram_energy_kwh,
            duration_s / 3.6e6 * pue) AS low_kwh,
        losses_high * core.parts_high(cpu_high, cpu_high_w, gpu_high, ram_high, cpu_energy_kwh, gpu_energy_kwh, ram_energy_kwh,
            duration_s / 3.6e6 * pue) AS high_kwh,
        rest_low_w + CASE WHEN gpu_energy_kwh IS NULL THEN missing_gpu_low_w ELSE 0 END
            + CASE WHEN ram_energy_kwh IS NULL THEN missing_ram_low_w ELSE 0 END AS low_w,
        rest_high_w + CASE WHEN gpu_energy_kwh IS NULL THEN missing_gpu_high_w ELSE 0 END
            + CASE WHEN ram_energy_kwh IS NULL THEN missing_ram_high_w ELSE 0 END AS high_w
    FROM each
    JOIN raw.context USING (context_no)
    JOIN raw.coefficients USING (context_no, inferred_method)
)
SELECT
    run_id,
    name,
    run_started_at + to_microseconds((started_s * 1e6)::BIGINT) AS started_at,
    duration_s,
    cpu_energy_kwh,
    gpu_energy_kwh,
    ram_energy_kwh,
    CASE WHEN is_measured THEN known_kwh END AS energy_kwh,
    CASE WHEN cpu_energy_kwh IS NOT NULL THEN least(known_kwh, core.with_rest(low_kwh, low_w * kwh_per_w)) END AS energy_low_kwh,
    CASE WHEN cpu_energy_kwh IS NOT NULL THEN greatest(known_kwh, high_kwh + high_w * kwh_per_w) END AS energy_high_kwh,
    depth,
    parent,
    count AS phases,
    least_s,
    most_s,
    least_kwh,
    most_kwh
FROM ends;
COMMENT ON VIEW core.phase IS 'Phases of runs, such as epochs; of very many in one run, a row for each name.';
COMMENT ON COLUMN core.phase.name IS 'Name of the phase.';
COMMENT ON COLUMN core.phase.started_at IS 'Start, UTC; of several phases, that of the first.';
COMMENT ON COLUMN core.phase.duration_s IS 'Duration, seconds; of several phases, the sum.';
COMMENT ON COLUMN core.phase.energy_low_kwh IS 'Lower end of the energy that the machine drew at the wall, times the PUE, kWh.';
COMMENT ON COLUMN core.phase.energy_high_kwh IS 'Upper end of the energy that the machine drew at the wall, times the PUE, kWh.';
COMMENT ON COLUMN core.phase.depth IS 'How many phases it is in: those of depth 0 add up to no more than the run.';
COMMENT ON COLUMN core.phase.parent IS 'The innermost phase that it is in.';
COMMENT ON COLUMN core.phase.phases IS 'Number of phases; more than 1 where a run had very many.';
COMMENT ON COLUMN core.phase.least_s IS 'Duration of the shortest of several phases, seconds.';
COMMENT ON COLUMN core.phase.most_s IS 'Duration of the longest of several phases, seconds.';
COMMENT ON COLUMN core.phase.least_kwh IS 'Energy of the one of several phases that used the least, kWh.';
COMMENT ON COLUMN core.phase.most_kwh IS 'Energy of the one of several phases that used the most, kWh.';
