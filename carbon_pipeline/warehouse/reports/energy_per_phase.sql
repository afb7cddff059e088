-- Phases may be nested in one another: those of one depth never overlap in a run, and a phase has a row for each depth and parent.
CREATE OR REPLACE MACRO report.energy_per_phase_of(run_query) AS TABLE
SELECT
    project_name, asset_key, run_name, phase, depth, parent, phases,
    total.energy_kwh / measured AS energy_per_phase_kwh,
    total.energy_low_kwh / measured AS energy_per_phase_low_kwh,
    total.energy_high_kwh / measured AS energy_per_phase_high_kwh,
    total.duration_s / phases AS duration_per_phase_s,
    total.energy_kwh / nullif(run_kwh, 0) AS energy_share,
    total.*
FROM (
    SELECT
        project_name, asset_key, coalesce(asset_key, name) AS run_name, phase, depth, parent,
        sum(phases)::BIGINT AS phases,
        nullif(sum(phases) FILTER (phase_kwh IS NOT NULL), 0) AS measured,
        sum(energy_kwh * attributed_share) FILTER (phase_kwh IS NOT NULL) AS run_kwh,
        core.totals(phase_s, phase_kwh, phase_low_kwh, phase_high_kwh, phase_kwh * carbon_intensity_g_per_kwh / 1000,
            phase_low_kwh * carbon_intensity_low_g_per_kwh / 1000, phase_high_kwh * carbon_intensity_high_g_per_kwh / 1000,
            attributed_share, attributed_share, phase_kwh, phase_kwh * carbon_intensity_g_per_kwh / 1000) AS total
    FROM (
        SELECT
            run_id, name AS phase, coalesce(depth, 0) AS depth, parent,
            sum(phases) AS phases, sum(duration_s) AS phase_s, sum(energy_kwh) AS phase_kwh,
            CASE WHEN count(energy_low_kwh) = count(energy_kwh) THEN sum(energy_low_kwh) END AS phase_low_kwh,
            CASE WHEN count(energy_high_kwh) = count(energy_kwh) THEN sum(energy_high_kwh) END AS phase_high_kwh
        FROM core.phase
        GROUP BY ALL
    )
    JOIN query(run_query) USING (run_id)
    GROUP BY ALL
)
ORDER BY project_name, asset_key, run_name, total.energy_kwh DESC NULLS LAST;
CREATE OR REPLACE VIEW report.energy_per_phase AS FROM report.energy_per_phase_of('FROM report.counted_runs');
COMMENT ON VIEW report.energy_per_phase IS 'Energy per epoch and other phases, by what was tracked: mean of a phase, sum of all.';
COMMENT ON COLUMN report.energy_per_phase.run_name IS 'The asset, or what else was tracked.';
COMMENT ON COLUMN report.energy_per_phase.phase IS 'Name of the phase.';
COMMENT ON COLUMN report.energy_per_phase.depth IS 'How many phases it is in: rows of depth 0 add up to no more than the runs.';
COMMENT ON COLUMN report.energy_per_phase.phases IS 'Number of phases of that name.';
COMMENT ON COLUMN report.energy_per_phase.energy_per_phase_kwh IS 'Mean energy of a phase, kWh, attributed as the energy of its run.';
COMMENT ON COLUMN report.energy_per_phase.energy_per_phase_low_kwh IS 'Lower end of that mean, kWh.';
COMMENT ON COLUMN report.energy_per_phase.energy_per_phase_high_kwh IS 'Upper end of that mean, kWh.';
COMMENT ON COLUMN report.energy_per_phase.duration_per_phase_s IS 'Mean duration of a phase, seconds.';
COMMENT ON COLUMN report.energy_per_phase.energy_share IS 'Share of these phases in the energy of the runs that have them, 0 to 1.';
COMMENT ON COLUMN report.energy_per_phase.runs IS 'Number of runs that have such a phase.';
COMMENT ON COLUMN report.energy_per_phase.estimate_kwh IS 'The same as energy_kwh: no wall meter tells the energy of a phase.';
COMMENT ON COLUMN report.energy_per_phase.estimate_kg IS 'The same as emissions_kg.';
