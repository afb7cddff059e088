-- Of the runs with less emissions, and those with the same and a better value, none reaches the value of a run on the front.
CREATE OR REPLACE VIEW report.pareto AS
SELECT
    project_name,
    metric,
    value,
    is_lower_better,
    emissions_kg,
    energy_kwh,
    score > coalesce(max(score) OVER (
        PARTITION BY project_name, metric ORDER BY emissions_kg, score DESC GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), '-inf'::DOUBLE) AS is_on_front,
    asset_key,
    name,
    run_id,
    started_at
FROM (
    SELECT
        project_name, result.name AS metric, value, core.is_lower_better(result.name) AS is_lower_better,
        CASE WHEN core.is_lower_better(result.name) THEN -value ELSE value END AS score,
        emissions_kg * attributed_share AS emissions_kg, attributed_energy_kwh AS energy_kwh,
        asset_key, run.name AS name, run_id, started_at
    FROM core.metric AS result
    JOIN report.counted_runs AS run USING (run_id)
    WHERE status = 'completed' AND emissions_kg IS NOT NULL
)
ORDER BY project_name, metric, emissions_kg;
COMMENT ON VIEW report.pareto IS
'Accuracy against carbon: completed runs, once for each metric, and whether they are on the Pareto front of their project.';
COMMENT ON COLUMN report.pareto.metric IS 'Name of the metric.';
COMMENT ON COLUMN report.pareto.value IS 'Its last value in the run.';
COMMENT ON COLUMN report.pareto.is_lower_better IS 'Whether a lower value is better, by the name of the metric: a guess.';
COMMENT ON COLUMN report.pareto.emissions_kg IS 'Emissions of the run, attributed, kg CO2eq: the same in the row of each of its metrics.';
COMMENT ON COLUMN report.pareto.energy_kwh IS 'Attributed energy of the run, kWh: the same in the row of each of its metrics.';
COMMENT ON COLUMN report.pareto.is_on_front IS
'Whether no run of the project is at least as good in metric and emissions, and better in one of them.';
