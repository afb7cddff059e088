CREATE OR REPLACE MACRO report.biggest_consumers_of(run_query) AS TABLE
SELECT
    row_number() OVER by_energy AS position, -- noqa: RF04
    project_name, asset_key, name, total.*,
    total.estimate_kwh / nullif(sum(total.estimate_kwh) OVER (), 0) AS energy_share,
    sum(total.estimate_kwh) OVER by_energy / nullif(sum(total.estimate_kwh) OVER (), 0) AS energy_share_so_far,
    last_ended_at
FROM (
    SELECT
        project_name,
        asset_key,
        coalesce(asset_key, name) AS name,
        max(ended_at) AS last_ended_at,
        core.totals(duration_s, energy_kwh, energy_low_kwh, energy_high_kwh, emissions_kg, emissions_low_kg, emissions_high_kg,
            share, share_of_estimate, estimate_kwh, estimate_kg) AS total
    FROM query(run_query)
    GROUP BY ALL
)
WINDOW by_energy AS (ORDER BY total.estimate_kwh DESC NULLS LAST, project_name, name ROWS UNBOUNDED PRECEDING)
ORDER BY position;
CREATE OR REPLACE VIEW report.biggest_consumers AS FROM report.biggest_consumers_of('FROM report.asset_runs');
COMMENT ON VIEW report.biggest_consumers IS 'What used the most energy: assets, and what else was tracked, by project.';
COMMENT ON COLUMN report.biggest_consumers.position IS 'Place in the order of energy, 1 for the biggest consumer.';
COMMENT ON COLUMN report.biggest_consumers.energy_share IS 'Share of all energy, 0 to 1.';
COMMENT ON COLUMN report.biggest_consumers.energy_share_so_far IS 'Share of all energy down to this row, 0 to 1.';
COMMENT ON COLUMN report.biggest_consumers.last_ended_at IS 'End of its last run, UTC.';
