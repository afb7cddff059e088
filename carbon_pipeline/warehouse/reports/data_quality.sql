-- Runs of the same methods, quality and flags are added up first: there are few such groups.
CREATE OR REPLACE MACRO report.data_quality_of(run_query) AS TABLE
WITH alike AS (
    SELECT
        cpu_method, gpu_method, ram_method, quality, flags,
        count(*) AS runs,
        sum(energy_kwh * attributed_share) AS energy_kwh,
        sum(estimate_kwh * estimate_share) AS best_kwh,
        sum(cpu_energy_kwh * attributed_share) AS cpu_kwh,
        sum(gpu_energy_kwh * attributed_share) AS gpu_kwh,
        sum(ram_energy_kwh * attributed_share) AS ram_kwh
    FROM query(run_query)
    GROUP BY ALL
), each AS (
    SELECT runs, unnest(list_concat(
        [
            {'kind': 'method', 'value': concat('cpu ', cpu_method), 'energy_kwh': cpu_kwh},
            {'kind': 'method', 'value': concat('gpu ', gpu_method), 'energy_kwh': gpu_kwh},
            {'kind': 'method', 'value': concat('ram ', ram_method), 'energy_kwh': ram_kwh},
            {'kind': 'quality', 'value': coalesce(quality, 'none'), 'energy_kwh': best_kwh}
        ],
        -- A file may contain a total, rounded otherwise than its parts.
        list_filter(
            [{
                'kind': 'method', 'value': 'only a total',
                'energy_kwh': energy_kwh - coalesce(cpu_kwh, 0) - coalesce(gpu_kwh, 0) - coalesce(ram_kwh, 0)
            }],
            lambda rest: rest.energy_kwh > 1e-6 * energy_kwh
        ),
        list_transform(
            CASE WHEN flags = [] THEN ['none'] ELSE flags END,
            lambda flag: {'kind': 'flag', 'value': flag, 'energy_kwh': best_kwh}
        )
    ), max_depth := 2)
    FROM alike
)
SELECT
    kind,
    value,
    sum(runs)::BIGINT AS runs,
    sum(energy_kwh) AS energy_kwh,
    sum(energy_kwh) / nullif(CASE kind WHEN 'method' THEN (SELECT sum(energy_kwh) FROM alike) ELSE (SELECT sum(best_kwh) FROM alike) END, 0)
        AS energy_share
FROM each
GROUP BY kind, value
ORDER BY kind, energy_kwh DESC NULLS LAST, value;
CREATE OR REPLACE VIEW report.data_quality AS FROM report.data_quality_of('FROM report.counted_runs');
COMMENT ON VIEW report.data_quality IS 'How much energy each method, quality and flag stands for: how far the numbers can be trusted.';
COMMENT ON COLUMN report.data_quality.kind IS 'What the row is about: method, quality or flag.';
COMMENT ON COLUMN report.data_quality.value IS
'Component and its method, quality, or flag; `none` for runs without one, `only a total` where no component is known.';
COMMENT ON COLUMN report.data_quality.runs IS 'Number of runs that it applies to; a run is in several rows of a kind.';
COMMENT ON COLUMN report.data_quality.energy_kwh IS
'Attributed energy, kWh: what the meter saw of the component for a method, else the best estimate of the runs. Methods add up,
and so do qualities; flags overlap.';
COMMENT ON COLUMN report.data_quality.energy_share IS
'Share of all energy, 0 to 1. Methods add up to 1, and so do qualities; flags do not, since a run can have several.';
