-- A run that goes on past midnight counts on each of its days, with the energy of that day.
CREATE OR REPLACE MACRO report.daily_of(run_query) AS TABLE
SELECT day, total.*
FROM (
    SELECT
        part.day AS day,
        core.totals(duration_s * part.time_share, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg,
            emissions_high_kg, attributed_share * part.energy_share, estimate_share * part.energy_share, estimate_kwh, estimate_kg) AS total
    FROM (SELECT *, unnest(core.days_of(started_at, ended_at, day_shares)) AS part FROM query(run_query))
    GROUP BY ALL
)
ORDER BY day;
CREATE OR REPLACE VIEW report.daily AS FROM report.daily_of('FROM report.counted_runs');
COMMENT ON VIEW report.daily IS 'Energy and emissions per day, UTC: a run that goes on past midnight counts on each of its days.';
COMMENT ON COLUMN report.daily.day IS 'Day, UTC.';
COMMENT ON COLUMN report.daily.runs IS 'Number of runs; a task whose run is known counts there.';
COMMENT ON COLUMN report.daily.duration_s IS 'Sum of the durations, seconds.';
COMMENT ON COLUMN report.daily.energy_kwh IS 'Sum of the attributed energies, kWh, so that nothing counts twice.';
COMMENT ON COLUMN report.daily.energy_low_kwh IS 'Sum of the lower ends, attributed, kWh.';
COMMENT ON COLUMN report.daily.energy_high_kwh IS 'Sum of the upper ends, attributed, kWh.';
COMMENT ON COLUMN report.daily.emissions_kg IS 'Sum of the emissions, attributed, kg CO2eq.';
COMMENT ON COLUMN report.daily.emissions_low_kg IS 'Sum of the lower ends, attributed, kg CO2eq.';
COMMENT ON COLUMN report.daily.emissions_high_kg IS 'Sum of the upper ends, attributed, kg CO2eq.';
COMMENT ON COLUMN report.daily.estimate_kwh IS
'Sum of the best estimates of the energy, attributed, kWh: at the wall where a wall meter or a calibration tells it.';
COMMENT ON COLUMN report.daily.estimate_kg IS 'Sum of the emissions from those estimates, attributed, kg CO2eq.';
