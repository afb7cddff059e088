-- The work of a step that makes several assets is that step: it is not divided among them.
CREATE OR REPLACE MACRO report.same_work_of(run_query) AS TABLE
SELECT
    project_name, asset_key, name, cpu_model, cpu_count, gpu_model, gpu_count, ram_gb,
    total.estimate_kwh / measured AS energy_per_run_kwh,
    energy_per_run_kwh / nullif(min(energy_per_run_kwh) OVER same_work, 0) AS energy_ratio,
    total.duration_s / total.runs AS duration_per_run_s,
    total.*,
    methods
FROM (
    SELECT
        project_name, asset_key, coalesce(asset_key, name) AS name, cpu_model, cpu_count, gpu_model, gpu_count, round(ram_gb, 1) AS ram_gb,
        nullif(count(estimate_kwh), 0) AS measured,
        list_sort(list(DISTINCT concat_ws(', ', cpu_method, gpu_method, ram_method, tracking_mode))) AS methods,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            attributed_share, estimate_share, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    WHERE status = 'completed'
    GROUP BY ALL
)
WINDOW same_work AS (PARTITION BY project_name, asset_key, name)
QUALIFY count(*) OVER same_work > 1
ORDER BY project_name, asset_key, name, energy_per_run_kwh;
CREATE OR REPLACE VIEW report.same_work AS FROM report.same_work_of('FROM report.counted_runs');
COMMENT ON VIEW report.same_work IS 'The same work on different hardware: completed runs of what ran on at least two kinds of machines.';
COMMENT ON COLUMN report.same_work.name IS 'The asset, or what else was tracked.';
COMMENT ON COLUMN report.same_work.ram_gb IS 'Main memory, GiB, to a tenth: systems differ in what they keep for themselves.';
COMMENT ON COLUMN report.same_work.energy_per_run_kwh IS
'Mean estimate of the energy of a run, attributed, of those whose energy is known, kWh.';
COMMENT ON COLUMN report.same_work.energy_ratio IS
'That energy over the one on the hardware that needs the least; 1 for the latter, none where that needs nothing.';
COMMENT ON COLUMN report.same_work.duration_per_run_s IS 'Mean duration of a run, seconds.';
COMMENT ON COLUMN report.same_work.methods IS 'Methods (CPU, GPU, memory) and tracking modes of the runs: only runs of one way compare.';
