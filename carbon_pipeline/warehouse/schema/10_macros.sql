-- How far a number may be off by the digits that it was written with: half a unit of the last one. A zero is exact.
CREATE OR REPLACE MACRO core.rounding(number) AS CASE
    WHEN number = 0 THEN 0
    ELSE 0.5 * power(10, coalesce(try_cast(nullif(regexp_extract(number::VARCHAR, 'e([-+]?\d+)$', 1), '') AS INTEGER), 0)
        - length(regexp_replace(regexp_extract(number::VARCHAR, '\.(\d+)', 1), '^0$', '')))
END;
-- Energy over duration is the power, within 1 % and the digits written. 1 kWh = 3.6e6 J. The digits are looked at only
-- where it is not: a branch of CASE is evaluated for its own rows only, unlike the second half of an AND.
CREATE OR REPLACE MACRO core.power_fits(power_w, energy_kwh, duration_s) AS CASE
    WHEN power_w IS NULL OR abs(power_w * duration_s - energy_kwh * 3.6e6) <= 0.01 * power_w * duration_s THEN true
    ELSE abs(power_w * duration_s - energy_kwh * 3.6e6) <= 0.01 * power_w * duration_s
        + core.rounding(power_w) * duration_s + core.rounding(duration_s) * power_w + core.rounding(energy_kwh) * 3.6e6
END;
-- Whether a power may be one that the load model gives for a load, within a tolerance, where it varies.
CREATE OR REPLACE MACRO core.fits_load(power_w, full_w, load, below, above) AS
    power_w BETWEEN below * full_w * (0.1 + 0.9 * load ** 3) AND above * full_w * (0.1 + 0.9 * load);
-- How the energy of a CPU was obtained, inferred from its power: carbon_pipeline/model/clues.py. A modelled power varies: the
-- mean of its energy may fit the load where the one in the file, of its samples, does not. With more than two processors, some
-- number of them fits any power.
CREATE OR REPLACE MACRO core.cpu_method_by_power(power_w, mean_w, tolerance, load, counter, constants_w, loads_w, has_floor) AS CASE
    WHEN power_w IS NULL OR power_w = 0 THEN 'unknown'
    WHEN len(list_filter(constants_w, lambda w: abs(power_w - w) <= tolerance * w)) > 0 THEN 'constant'
    WHEN len(loads_w) = 0 THEN CASE WHEN load IS NULL THEN coalesce(counter, 'unknown') ELSE 'unknown' END -- no old version has it
    WHEN NOT has_floor THEN 'unknown'
    WHEN power_w < 0.09 * list_min(loads_w) THEN coalesce(counter, 'unknown')
    WHEN load IS NULL THEN 'unknown'
    WHEN len(list_filter(
        loads_w[:2], lambda w: core.fits_load(power_w, w, load, 0.95, 1.05) OR core.fits_load(mean_w, w, load, 0.95, 1.05)
    )) > 0 THEN 'cpu_load'
    WHEN len(list_filter(
        loads_w, lambda w: core.fits_load(power_w, w, load, 0.7, 1.4) OR core.fits_load(mean_w, w, load, 0.7, 1.4)
    )) > 0 THEN 'unknown'
    ELSE coalesce(counter, 'unknown')
END;
-- The power that CodeCarbon writes is exact where it is a constant; energy over duration is not, since the last reading comes
-- before the end.
CREATE OR REPLACE MACRO core.cpu_method_of(kwh, file_w, duration_s, pue, load, counter, constants_w, loads_w, has_floor) AS
    core.cpu_method_by_power(
        CASE WHEN pue > 1 OR file_w IS NULL OR file_w = 0 THEN kwh * 3.6e6 / nullif(duration_s, 0) / coalesce(pue, 1) ELSE file_w END,
        kwh * 3.6e6 / nullif(duration_s, 0) / coalesce(pue, 1),
        CASE WHEN pue > 1 OR file_w IS NULL OR file_w = 0 THEN 0.05 + 0.1 / duration_s ELSE 0.005 END,
        CASE WHEN duration_s >= 10 OR len(loads_w) = 0 THEN load END, counter, constants_w, loads_w, has_floor);
-- The power by which that was decided.
CREATE OR REPLACE MACRO core.telling_power(kwh, file_w, duration_s, pue, load, loads_w, method) AS nullif(CASE
    WHEN pue > 1 OR file_w IS NULL OR file_w = 0 OR method = 'cpu_load' AND len(list_filter(
        loads_w[:2], lambda w: core.fits_load(file_w, w, load, 0.95, 1.05)
    )) = 0 THEN kwh * 3.6e6 / nullif(duration_s, 0) / coalesce(pue, 1)
    ELSE file_w
END, 0);
-- What is known of an energy where readings failed for a time, and the most that it may be: in the gap the component may
-- have drawn up to its limit, or twice its mean power where that is more.
CREATE OR REPLACE MACRO core.without_gap(kwh, gap_s, duration_s) AS
    CASE WHEN gap_s > 0 THEN kwh * greatest(1 - gap_s / duration_s, 0) ELSE kwh END;
CREATE OR REPLACE MACRO core.most_with_gap(kwh, gap_s, duration_s, limit_w, pue) AS
    CASE WHEN gap_s > 0 THEN kwh + greatest(limit_w * pue / 3.6e6, 2 * kwh / duration_s) * gap_s ELSE kwh END;
-- The ends of the energy of the components, before losses and the rest of the machine: model/interval.py.
CREATE OR REPLACE MACRO core.parts_low(cpu_low, cpu_low_w, gpu_low, ram_low, cpu_kwh, gpu_kwh, ram_kwh, kwh_per_w) AS
    least(
        cpu_low[1] * cpu_kwh + cpu_low_w[1] * kwh_per_w,
        greatest(cpu_low[2] * cpu_kwh + cpu_low_w[2] * kwh_per_w, cpu_low[3] * cpu_kwh + cpu_low_w[3] * kwh_per_w)
    ) + gpu_low * coalesce(gpu_kwh, 0) + ram_low * coalesce(ram_kwh, 0);
CREATE OR REPLACE MACRO core.parts_high(cpu_high, cpu_high_w, gpu_high, ram_high, cpu_kwh, gpu_kwh, ram_kwh, kwh_per_w) AS
    greatest(
        cpu_high[1] * cpu_kwh + cpu_high_w[1] * kwh_per_w,
        least(cpu_high[2] * cpu_kwh + cpu_high_w[2] * kwh_per_w, cpu_high[3] * cpu_kwh + cpu_high_w[3] * kwh_per_w)
    ) + gpu_high * coalesce(gpu_kwh, 0) + ram_high * coalesce(ram_kwh, 0);
-- The ends of a total whose parts are not known.
CREATE OR REPLACE MACRO core.total_low(low, low_w, kwh, kwh_per_w) AS
    greatest(low[1] * kwh + low_w[1] * kwh_per_w, low[2] * kwh + low_w[2] * kwh_per_w);
CREATE OR REPLACE MACRO core.total_high(high, high_w, kwh, kwh_per_w) AS
    least(high[1] * kwh + high_w[1] * kwh_per_w, high[2] * kwh + high_w[2] * kwh_per_w);
-- The lower end at the wall: with the power of the rest of the machine, which may be below 0 (model/interval.py).
CREATE OR REPLACE MACRO core.with_rest(at_least_kwh, rest_kwh) AS greatest(0.7 * at_least_kwh, at_least_kwh + rest_kwh);
-- What an aggregate has of its runs. An interval only where each run that has an estimate has one, too. Of runs that overlap, the
-- interval has the share of the energy at the wall.
CREATE OR REPLACE MACRO core.totals(
    duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg, share, estimate_share,
    estimate_kwh, estimate_kg
) AS {
    'runs': count(*),
    'duration_s': sum(duration_s),
    'energy_kwh': sum(energy_kwh * share),
    'energy_low_kwh': CASE WHEN count(*) FILTER (estimate_kwh IS NOT NULL AND energy_low_kwh IS NULL) = 0
        THEN sum(energy_low_kwh * estimate_share) FILTER (estimate_kwh IS NOT NULL) END,
    'energy_high_kwh': CASE WHEN count(*) FILTER (estimate_kwh IS NOT NULL AND energy_high_kwh IS NULL) = 0
        THEN sum(energy_high_kwh * estimate_share) FILTER (estimate_kwh IS NOT NULL) END,
    'emissions_kg': sum(emissions_kg * share),
    'emissions_low_kg': CASE WHEN count(*) FILTER (estimate_kg IS NOT NULL AND emissions_low_kg IS NULL) = 0
        THEN sum(emissions_low_kg * estimate_share) FILTER (estimate_kg IS NOT NULL) END,
    'emissions_high_kg': CASE WHEN count(*) FILTER (estimate_kg IS NOT NULL AND emissions_high_kg IS NULL) = 0
        THEN sum(emissions_high_kg * estimate_share) FILTER (estimate_kg IS NOT NULL) END,
    'estimate_kwh': sum(estimate_kwh * estimate_share),
    'estimate_kg': sum(estimate_kg * estimate_share)
};
-- The day of a moment, UTC, whatever the time zone of the connection; several times faster than AT TIME ZONE.
CREATE OR REPLACE MACRO core.utc_day(moment) AS make_timestamp(epoch_us(moment))::DATE;
-- The share of a day (UTC) in the time of a run.
CREATE OR REPLACE MACRO core.time_on(day, started_at, ended_at) AS
    (least(epoch_us(ended_at), epoch_us(day + 1)) - greatest(epoch_us(started_at), epoch_us(day)))
    / (epoch_us(ended_at) - epoch_us(started_at));
-- The days (UTC) of a run, each with its share of the energy: by the curve of the run, or by time where none is known, as of
-- imported runs. A run that ends at midnight has nothing on the day that begins then.
CREATE OR REPLACE MACRO core.days_of(started_at, ended_at, day_shares) AS
    CASE WHEN core.utc_day(started_at) >= core.utc_day(ended_at - INTERVAL 1 MICROSECOND)
        THEN [{'day': core.utc_day(started_at), 'energy_share': 1.0::DOUBLE, 'time_share': 1.0::DOUBLE}]
        ELSE list_transform(
            range(core.utc_day(ended_at - INTERVAL 1 MICROSECOND) - core.utc_day(started_at) + 1),
            lambda n: {
                'day': core.utc_day(started_at) + n::INTEGER,
                'energy_share': coalesce(day_shares[n + 1], core.time_on(core.utc_day(started_at) + n::INTEGER, started_at, ended_at)),
                'time_share': core.time_on(core.utc_day(started_at) + n::INTEGER, started_at, ended_at)
            }
        )
    END;
-- Whether a lower value of a metric is better, by its name: that of a loss, an error, a distance or a time. Otherwise a
-- higher one is, as of scikit-learn's negated errors (`neg_...`).
CREATE OR REPLACE MACRO core.is_lower_better(metric) AS
    NOT regexp_matches(lower(metric), '(^|[^a-z])neg(ative)?_')
    AND regexp_matches(lower(metric), '(loss(es)?|errors?)([^a-z]|$)|perplexity|entropy|deviance|divergence|distance|regret'
        || '|latency|runtime'
        || '|(^|[^a-z])(err|ppl|nll|[rnl]*mse|rmsle|msle|s?mape|mae|wer|cer|ter|eer|der|ece|fid|fvd|kl|brier|mad|bpb|bpc|time)([^a-z]|$)');
