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
-- What an aggregate has of its runs. An interval only where each run that has a value has one, too.
CREATE OR REPLACE MACRO core.totals(
    duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg, share
) AS {
    'runs': count(*),
    'duration_s': sum(duration_s),
    'energy_kwh': sum(energy_kwh * share),
    'energy_low_kwh': CASE WHEN count(energy_low_kwh) = count(energy_kwh) THEN sum(energy_low_kwh * share) END,
    'energy_high_kwh': CASE WHEN count(energy_high_kwh) = count(energy_kwh) THEN sum(energy_high_kwh * share) END,
    'emissions_kg': sum(emissions_kg * share),
    'emissions_low_kg': CASE WHEN count(emissions_low_kg) = count(emissions_kg) THEN sum(emissions_low_kg * share) END,
    'emissions_high_kg': CASE WHEN count(emissions_high_kg) = count(emissions_kg) THEN sum(emissions_high_kg * share) END
};
-- The day of a moment, UTC, whatever the time zone of the connection; several times faster than AT TIME ZONE.
CREATE OR REPLACE MACRO core.utc_day(moment) AS make_timestamp(epoch_us(moment))::DATE;
