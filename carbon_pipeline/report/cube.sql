-- What the page adds up: sums by period, project and one more thing (asset, hardware, ...), few enough to be embedded. The
-- sums are those of the views in `report`; the energy is that at the wall where it is known. A run that goes on past
-- midnight has its energy in each period; it is counted in the first one. The period is the finest of which there are at
-- most $most_periods; of projects and of other things those with the most energy are named, and the rest is one row without
-- a name. What is not known has an empty name. $project is the only project, or NULL for all.
WITH daily AS MATERIALIZED (
    SELECT
        part.day AS day,
        project_name,
        coalesce(asset_key, name) AS asset,
        cpu_model, cpu_count, gpu_model, gpu_count, round(ram_gb, 1) AS ram_gb,
        country_name,
        cpu_method, gpu_method, ram_method, tracking_mode, method_source,
        quality, interval_source, status, flags,
        count(*) FILTER (is_first_day AND is_first_asset) AS runs,
        count(*) FILTER (is_first_day) AS asset_runs,
        sum(duration_s * part.time_share) FILTER (is_first_asset) AS duration_s,
        sum(duration_s * part.time_share) AS asset_duration_s,
        sum(estimate_kwh * part_share) AS energy_kwh,
        sum(energy_low_kwh * part_share) AS energy_low_kwh,
        sum(energy_high_kwh * part_share) AS energy_high_kwh,
        sum(estimate_kg * part_share) AS emissions_kg,
        sum(emissions_low_kg * part_share) AS emissions_low_kg,
        sum(emissions_high_kg * part_share) AS emissions_high_kg,
        count(*) FILTER (estimate_kwh IS NULL AND is_first_day AND is_first_asset) AS runs_unknown,
        count(*) FILTER (estimate_kwh IS NOT NULL AND energy_low_kwh IS NULL) AS energy_open,
        sum(estimate_kwh * part_share) FILTER (energy_low_kwh IS NULL) AS energy_open_kwh,
        count(*) FILTER (estimate_kg IS NOT NULL AND emissions_low_kg IS NULL) AS emissions_open,
        sum(estimate_kg * part_share) FILTER (emissions_low_kg IS NULL) AS emissions_open_kg,
        sum(estimate_kwh * part_share) FILTER (estimate_kg IS NULL) AS energy_without_emissions_kwh
    FROM (
        SELECT
            *,
            share_of_estimate * part.energy_share AS part_share,
            part.day = core.utc_day(started_at) AS is_first_day,
            coalesce(assets[1] = asset_key, true) AS is_first_asset
        FROM (SELECT *, unnest(core.days_of(started_at, ended_at, day_shares)) AS part FROM report.asset_runs)
        WHERE $project IS NULL OR project_name = $project
    )
    GROUP BY ALL
), calendar AS (
    SELECT
        CASE
            WHEN date_diff('day', min(day), max(day)) < $most_periods THEN 'day'
            WHEN date_diff('week', min(day), max(day)) < $most_periods THEN 'week'
            WHEN date_diff('month', min(day), max(day)) < $most_periods THEN 'month'
            WHEN date_diff('quarter', min(day), max(day)) < $most_periods THEN 'quarter'
            WHEN date_diff('year', min(day), max(day)) < $most_periods THEN 'year'
            ELSE 'decade' -- of which a warehouse has nine at most
        END AS unit
    FROM daily
), named AS (
    SELECT
        unit,
        date_trunc(unit, day)::DATE AS period,
        coalesce(project_name, '') AS project,
        unnest([
            {'dimension': 'total', 'name': ''},
            {'dimension': 'asset', 'name': coalesce(asset, '')},
            {'dimension': 'hardware', 'name': concat_ws(', ', coalesce(cpu_model, 'CPU unknown'),
                cpu_count || CASE cpu_count WHEN 1 THEN ' CPU' ELSE ' CPUs' END,
                CASE WHEN gpu_count > 0 AND NOT regexp_matches(coalesce(gpu_model, ''), '^\d')
                    THEN gpu_count || ' x ' || coalesce(gpu_model, 'unknown GPU') ELSE gpu_model END, ram_gb || ' GiB')},
            {'dimension': 'country', 'name': coalesce(country_name, '')},
            {'dimension': 'method', 'name': concat_ws(', ', 'CPU ' || coalesce(cpu_method, 'unknown'),
                'GPU ' || coalesce(gpu_method, 'unknown'), 'RAM ' || coalesce(ram_method, 'unknown'), tracking_mode || ' mode',
                CASE method_source WHEN 'inferred' THEN 'inferred' END)},
            {'dimension': 'quality', 'name': coalesce(quality, 'none')},
            {'dimension': 'source', 'name': CASE interval_source WHEN 'wall_meter' THEN 'a meter at the wall'
                WHEN 'calibrated' THEN 'the calibrated machine' ELSE 'the general model' END},
            {'dimension': 'status', 'name': coalesce(status, '')}
        ] || list_transform(flags, lambda flag: {'dimension': 'flag', 'name': flag})) AS kind,
        COLUMNS(* EXCLUDE (unit, day, project_name, asset, cpu_model, cpu_count, gpu_model, gpu_count, ram_gb, country_name,
            cpu_method, gpu_method, ram_method, tracking_mode, method_source, quality, interval_source, status, flags))
    FROM daily, calendar
), summed AS MATERIALIZED (
    SELECT
        unit, period, project, kind.dimension AS dimension, kind.name AS name,
        sum(CASE WHEN kind.dimension = 'asset' THEN asset_runs ELSE runs END) AS all_runs,
        sum(CASE WHEN kind.dimension = 'asset' THEN asset_duration_s ELSE duration_s END) AS all_s,
        sum(COLUMNS(* EXCLUDE (unit, period, project, kind, runs, asset_runs, duration_s, asset_duration_s)))
    FROM named
    GROUP BY ALL
), rank_of_project AS (
    SELECT project, row_number() OVER (ORDER BY sum(energy_kwh) DESC NULLS LAST, sum(all_runs) DESC, project) AS place
    FROM summed
    WHERE dimension = 'total'
    GROUP BY project
), rank_of_name AS (
    SELECT
        dimension, name,
        row_number() OVER (PARTITION BY dimension ORDER BY sum(energy_kwh) DESC NULLS LAST, sum(all_runs) DESC, name) AS place
    FROM summed
    GROUP BY dimension, name
)
SELECT
    unit,
    dimension,
    period,
    CASE WHEN rank_of_project.place <= $most_projects THEN project END AS project,
    CASE WHEN rank_of_name.place <= $most_names OR dimension = 'flag' THEN name END AS name,
    min(rank_of_project.place) AS project_place,
    min(rank_of_name.place) AS name_place,
    sum(all_runs)::BIGINT AS runs,
    sum(all_s) AS duration_s,
    sum(energy_kwh) AS energy_kwh,
    sum(energy_low_kwh) AS energy_low_kwh,
    sum(energy_high_kwh) AS energy_high_kwh,
    sum(emissions_kg) AS emissions_kg,
    sum(emissions_low_kg) AS emissions_low_kg,
    sum(emissions_high_kg) AS emissions_high_kg,
    sum(runs_unknown)::BIGINT AS runs_unknown,
    sum(energy_open)::BIGINT AS energy_open,
    sum(energy_open_kwh) AS energy_open_kwh,
    sum(emissions_open)::BIGINT AS emissions_open,
    sum(emissions_open_kg) AS emissions_open_kg,
    sum(energy_without_emissions_kwh) AS energy_without_emissions_kwh
FROM summed
JOIN rank_of_project USING (project)
JOIN rank_of_name USING (dimension, name)
GROUP BY unit, dimension, period, 4, 5
ORDER BY period, name_place, project_place;
