-- The power of runs between two readings.
CREATE OR REPLACE VIEW core.sample AS
SELECT
    run_id,
    started_at + to_microseconds((at_s * 1e6)::BIGINT) AS at,
    at_s - before_s AS duration_s,
    (cpu_kwh - cpu_before_kwh) * 3.6e6 / nullif(at_s - before_s, 0) AS cpu_power_w,
    coalesce((gpu_kwh - gpu_before_kwh) * 3.6e6 / nullif(at_s - before_s, 0), no_gpu_w) AS gpu_power_w,
    (ram_kwh - ram_before_kwh) * 3.6e6 / nullif(at_s - before_s, 0) AS ram_power_w,
    process_s - process_before_s AS process_cpu_s,
    host_s - host_before_s AS host_cpu_s
FROM (
    SELECT
        run_id, started_at, no_gpu_w,
        unnest(at_s[2:]) AS at_s, unnest(at_s[:-2]) AS before_s,
        unnest(cpu_energy_kwh[2:]) AS cpu_kwh, unnest(cpu_energy_kwh[:-2]) AS cpu_before_kwh,
        unnest(gpu_energy_kwh[2:]) AS gpu_kwh, unnest(gpu_energy_kwh[:-2]) AS gpu_before_kwh,
        unnest(ram_energy_kwh[2:]) AS ram_kwh, unnest(ram_energy_kwh[:-2]) AS ram_before_kwh,
        unnest(curve.process_cpu_s[2:]) AS process_s, unnest(curve.process_cpu_s[:-2]) AS process_before_s,
        unnest(curve.host_cpu_s[2:]) AS host_s, unnest(curve.host_cpu_s[:-2]) AS host_before_s
    FROM raw.curve
    JOIN (
        SELECT run_id, started_at, CASE WHEN gpu_kwh = 0 THEN 0.0::DOUBLE END AS no_gpu_w, file_no, line
        FROM raw.measurement
        WHERE is_current
    ) USING (file_no, line)
);
COMMENT ON VIEW core.sample IS 'Power of runs over time, from the readings of the meter: at most 600 a run, evenly spaced.';
COMMENT ON COLUMN core.sample.at IS 'Time of the reading, UTC; power is the mean since the one before. In queries, quote it: "at".';
COMMENT ON COLUMN core.sample.duration_s IS 'Time since the reading before, seconds.';
COMMENT ON COLUMN core.sample.process_cpu_s IS 'CPU time of the process and its descendants since then, seconds.';
COMMENT ON COLUMN core.sample.host_cpu_s IS 'Busy CPU time of the whole host since then, seconds.';
