-- One row per run, derived from the measurement that counts. The interval of the energy is that of
-- carbon_pipeline/model/interval.py: low = losses * (f . E) + rest * t, and high likewise, never narrower than the energy
-- itself. 1 kWh = 3.6e6 J. The flags of an imported row are in alphabetical order.
CREATE OR REPLACE VIEW core.run AS
WITH joined AS (
    SELECT
        m.*,
        c.* EXCLUDE (context_no, context_key, cpu_method, gpu_method, ram_method),
        k.* EXCLUDE (context_no, inferred_method, gpu_method, ram_method),
        coalesce(nullif(m.inferred_method, ''), c.cpu_method) AS cpu_method,
        -- There is nothing to measure where there is no GPU, and no method of what has no energy of its own.
        CASE WHEN c.gpu_method <> 'unknown' THEN c.gpu_method
            WHEN gpu_kwh = 0 AND gpu_model IS NULL AND coalesce(gpu_count, 0) = 0 THEN 'none'
            WHEN gpu_kwh IS NOT NULL THEN k.gpu_method
            ELSE 'unknown' END AS gpu_method,
        CASE WHEN c.ram_method <> 'unknown' THEN c.ram_method WHEN ram_kwh IS NOT NULL THEN k.ram_method ELSE 'unknown' END AS ram_method,
        f.source_file,
        f.has_mixed_modes,
        c.source = 'csv' AS is_csv,
        greatest(measured_s, coalesce(tasks_s, 0)) AS duration_s
    FROM raw.measurement AS m
    JOIN raw.context AS c USING (context_no)
    JOIN raw.coefficients AS k ON k.context_no = m.context_no AND k.inferred_method = m.inferred_method
    JOIN raw.loaded_file AS f USING (file_no)
    WHERE is_current
), part AS (
    SELECT
        *,
        -- A CPU or GPUs that used nothing at all were not measured, a CPU within a second at least.
        -- Nor was a CPU without an energy where the total is that of the other parts.
        is_csv AND coalesce(cpu_kwh = 0 AND duration_s >= 1 OR cpu_kwh IS NULL AND coalesce(gpu_kwh, ram_kwh) IS NOT NULL
            AND abs(total_kwh - (coalesce(gpu_kwh, 0) + coalesce(ram_kwh, 0))) <= 1e-6 * total_kwh, false) AS is_cpu_missing,
        is_csv AND coalesce(gpu_count > 0 AND gpu_kwh = 0, false) AS is_gpu_missing,
        CASE WHEN duration_s > 1e-6 THEN duration_s END AS span_s,
        duration_s / 3.6e6 * coalesce(pue, 1) AS kwh_per_w
    FROM joined
), summed AS (
    SELECT
        *,
        CASE WHEN NOT is_cpu_missing THEN cpu_kwh END AS cpu_energy_kwh,
        gpu_kwh AS gpu_energy_kwh,
        ram_kwh AS ram_energy_kwh,
        CASE WHEN NOT is_cpu_missing THEN cpu_kwh + gpu_kwh + ram_kwh END AS sum_kwh,
        -- Whether only a total is known, or it holds more than the known parts.
        cpu_kwh IS NULL OR coalesce((is_cpu_missing OR gpu_kwh IS NULL OR ram_kwh IS NULL)
            AND abs(total_kwh - (cpu_kwh + coalesce(gpu_kwh, 0) + coalesce(ram_kwh, 0))) > 1e-4 * total_kwh, false) AS is_total,
        -- More than such hardware can draw: the energy or the duration is wrong, and no power follows from them.
        is_csv AND coalesce(greatest(cpu_kwh / cpu_limit_w, gpu_kwh / gpu_limit_w, ram_kwh / ram_limit_w,
            CASE WHEN cpu_kwh IS NULL THEN total_kwh / (cpu_limit_w + gpu_limit_w + ram_limit_w) END) > kwh_per_w, false)
            AS is_power_impossible
    FROM part
), energy AS (
    SELECT
        *,
        -- The sum of the parts where all are known (as the file rounds it), else the total, else what is known of parts.
        coalesce(
            CASE WHEN abs(total_kwh - sum_kwh) <= 1e-6 * total_kwh THEN total_kwh ELSE sum_kwh END,
            total_kwh,
            CASE WHEN coalesce(cpu_energy_kwh, gpu_kwh, ram_kwh) IS NOT NULL
                THEN coalesce(cpu_energy_kwh, 0) + coalesce(gpu_kwh, 0) + coalesce(ram_kwh, 0) END
        ) AS energy_kwh,
        core.parts_low(cpu_low, cpu_low_w, gpu_low, ram_low, core.without_gap(cpu_kwh, cpu_gap_s, duration_s),
            core.without_gap(gpu_kwh, gpu_gap_s, duration_s), ram_kwh, kwh_per_w) AS parts_low_kwh,
        core.parts_high(cpu_high, cpu_high_w, gpu_high, ram_high,
            core.most_with_gap(cpu_kwh, cpu_gap_s, duration_s, cpu_limit_w, pue),
            core.most_with_gap(gpu_kwh, gpu_gap_s, duration_s, gpu_limit_w, pue), ram_kwh, kwh_per_w) AS parts_high_kwh,
        is_gpu_missing OR NOT is_total AND gpu_kwh IS NULL AS is_gpu_in_rest,
        NOT is_total AND ram_kwh IS NULL AS is_ram_in_rest,
        NOT is_cpu_missing AND (cpu_kwh IS NOT NULL OR total_kwh IS NOT NULL) AS has_interval
    FROM summed
), bounded AS (
    SELECT
        *,
        -- The meter at the wall, else the calibration of the machine, else the model; both are of the whole machine.
        CASE WHEN tracking_mode <> 'machine' THEN 'model' WHEN wall_high_kwh IS NOT NULL THEN 'wall_meter'
            WHEN calibrated_high_kwh IS NOT NULL THEN 'calibrated' ELSE 'model' END AS source_of_interval,
        losses_low * CASE WHEN is_total THEN core.total_low(total_low, total_low_w, energy_kwh, kwh_per_w)
            ELSE parts_low_kwh END AS at_least_kwh,
        CASE WHEN has_interval THEN least(
            energy_kwh,
            core.with_rest(at_least_kwh, (rest_low_w + CASE WHEN is_gpu_in_rest THEN missing_gpu_low_w ELSE 0 END
                + CASE WHEN is_ram_in_rest THEN missing_ram_low_w ELSE 0 END) * kwh_per_w)
        ) END AS model_low_kwh,
        CASE WHEN has_interval THEN least(1e300, greatest(
            energy_kwh,
            losses_high * CASE WHEN is_total THEN core.total_high(total_high, total_high_w, energy_kwh, kwh_per_w)
                ELSE parts_high_kwh END
            + (rest_high_w + CASE WHEN is_gpu_in_rest THEN missing_gpu_high_w ELSE 0 END
                + CASE WHEN is_ram_in_rest THEN missing_ram_high_w ELSE 0 END) * kwh_per_w
        )) END AS model_high_kwh,
        source_of_interval = 'calibrated' AND coalesce(NOT calibrated_kwh BETWEEN model_low_kwh AND model_high_kwh, true)
            AS is_contradicted,
        CASE WHEN source_of_interval = 'wall_meter' THEN wall_low_kwh
            WHEN is_contradicted THEN calibrated_low_kwh
            WHEN source_of_interval = 'calibrated' THEN greatest(calibrated_low_kwh, model_low_kwh)
            ELSE model_low_kwh END AS energy_low_kwh,
        CASE WHEN source_of_interval = 'wall_meter' THEN wall_high_kwh
            WHEN is_contradicted THEN calibrated_high_kwh
            WHEN source_of_interval = 'calibrated' THEN least(calibrated_high_kwh, model_high_kwh)
            ELSE model_high_kwh END AS energy_high_kwh,
        CASE source_of_interval WHEN 'wall_meter' THEN wall_energy_kwh WHEN 'calibrated' THEN calibrated_kwh END AS wall_estimate_kwh,
        coalesce(wall_estimate_kwh, energy_kwh) AS estimate_kwh,
        -- What the emissions of the file were computed with; below this bound a quotient has no meaning.
        CASE
            WHEN is_fallback THEN fallback_g_per_kwh
            WHEN NOT is_csv THEN given_g_per_kwh
            WHEN coalesce(total_kwh, energy_kwh) > 1e-15 THEN file_emissions_kg / coalesce(total_kwh, energy_kwh) * 1000
        END AS carbon_intensity_g_per_kwh,
        CASE WHEN NOT is_power_impossible THEN span_s END AS power_span_s
    FROM energy
), measured AS (
    SELECT
        *,
        CASE WHEN is_csv AND NOT is_fallback THEN file_emissions_kg
            ELSE energy_kwh * carbon_intensity_g_per_kwh / 1000 END AS emissions_kg,
        wall_estimate_kwh * carbon_intensity_g_per_kwh / 1000 AS wall_emissions_kg,
        CASE WHEN carbon_intensity_g_per_kwh IS NOT NULL
            THEN least(carbon_intensity_g_per_kwh * intensity_low, intensity_low_g_per_kwh) END AS carbon_intensity_low_g_per_kwh,
        CASE WHEN carbon_intensity_g_per_kwh IS NOT NULL
            THEN greatest(carbon_intensity_g_per_kwh * intensity_high, intensity_high_g_per_kwh) END AS carbon_intensity_high_g_per_kwh,
        coalesce(file_emissions_kg > 0 AND file_rate_kg_per_s * measured_s BETWEEN 900 * file_emissions_kg
            AND 1100 * file_emissions_kg, false) AS is_rate_in_grams,
        file_cpu_w + coalesce(file_gpu_w, 0) + coalesce(file_ram_w, 0) AS file_w
    FROM bounded
), flagged AS (
    SELECT *, CASE WHEN is_csv THEN concat_ws(',',
        CASE WHEN is_code_converted THEN 'country_code_converted' END,
        CASE WHEN is_cpu_missing THEN 'cpu_not_measured' END,
        CASE WHEN is_cumulative THEN 'cumulative_superseded' END,
        CASE WHEN has_default_experiment THEN 'default_experiment_id' END,
        CASE WHEN tasks_s > measured_s THEN 'duration_from_tasks' END,
        CASE WHEN coalesce(total_kwh, cpu_energy_kwh, gpu_kwh, ram_kwh) IS NULL
            OR sum_kwh IS NULL AND coalesce(cpu_energy_kwh, gpu_kwh, ram_kwh) IS NOT NULL THEN 'energy_missing' END,
        CASE WHEN is_fallback THEN 'fallback_location' END,
        CASE WHEN is_gpu_missing THEN 'gpu_not_measured' END,
        CASE WHEN NOT is_fallback AND carbon_intensity_g_per_kwh NOT BETWEEN intensity_min_g_per_kwh
            AND intensity_max_g_per_kwh THEN 'intensity_implausible' END,
        CASE WHEN has_mixed_modes THEN 'mixed_tracking_modes' END,
        CASE WHEN abs(total_kwh - sum_kwh) > 1e-6 * total_kwh THEN CASE WHEN abs(total_kwh - sum_kwh)
            > core.rounding(total_kwh) + core.rounding(cpu_kwh) + core.rounding(gpu_kwh) + core.rounding(ram_kwh)
            THEN 'parts_do_not_add_up' END END,
        CASE WHEN parent_run_id IS NOT NULL THEN 'part_of_run' END,
        -- By more than a factor of three in more than a minute, four of CodeCarbon's samples.
        CASE WHEN is_power_impossible OR file_w > 0 AND energy_kwh > 0 AND duration_s > 60
            AND file_w * duration_s NOT BETWEEN energy_kwh * 3.6e6 / 3 AND energy_kwh * 3.6e6 * 3
            THEN 'power_contradicts_energy' END,
        CASE WHEN NOT (core.power_fits(file_cpu_w, cpu_energy_kwh, duration_s)
            AND core.power_fits(file_gpu_w, gpu_kwh, duration_s)
            AND core.power_fits(file_ram_w, ram_kwh, duration_s)) THEN 'power_recomputed' END,
        CASE WHEN NOT is_rate_in_grams
            AND abs(file_rate_kg_per_s * measured_s - file_emissions_kg) > 0.01 * abs(file_rate_kg_per_s) * measured_s
            THEN CASE WHEN abs(file_rate_kg_per_s * measured_s - file_emissions_kg)
                > 0.01 * abs(file_rate_kg_per_s) * measured_s + core.rounding(file_rate_kg_per_s) * measured_s
                    + core.rounding(measured_s) * abs(file_rate_kg_per_s) + core.rounding(file_emissions_kg)
                THEN 'rate_recomputed' END END,
        CASE WHEN is_rate_in_grams THEN 'rate_rescaled' END,
        CASE WHEN is_repaired THEN 'row_repaired' END,
        CASE WHEN duration_s < 1 THEN 'short_run' END,
        CASE WHEN has_discarded_value OR has_invalid_value THEN 'value_left_out' END,
        CASE WHEN energy_kwh = 0 AND duration_s > 0 THEN 'zero_energy' END
    ) END AS file_flags
    FROM measured
)
SELECT
    run_id,
    parent_run_id,
    project_name,
    experiment_id,
    name,
    asset_key,
    status,
    error_type,
    coalesce(started_at, ended_at - to_microseconds((duration_s * 1e6)::BIGINT)) AS started_at,
    ended_at,
    duration_s,
    cpu_energy_kwh,
    gpu_energy_kwh,
    ram_energy_kwh,
    energy_kwh,
    energy_kwh * coalesce(attributed_share, 1) AS attributed_energy_kwh,
    coalesce(attributed_share, 1) AS attributed_share,
    attribution_method,
    energy_low_kwh,
    energy_high_kwh,
    source_of_interval AS interval_source,
    wall_energy_kwh,
    wall_method,
    wall_estimate_kwh,
    wall_emissions_kg,
    estimate_kwh,
    coalesce(wall_emissions_kg, emissions_kg) AS estimate_kg,
    CASE source_of_interval WHEN 'wall_meter' THEN coalesce(attributed_wall_share, attributed_share, 1)
        ELSE coalesce(attributed_share, 1) END AS estimate_share,
    estimate_kwh * estimate_share AS attributed_estimate_kwh,
    calibration_runs,
    calibration_first_at,
    calibration_last_at,
    calibration_note,
    CASE
        WHEN greatest(estimate_kwh - energy_low_kwh, energy_high_kwh - estimate_kwh) <= 0.10 * estimate_kwh THEN 'high'
        WHEN greatest(estimate_kwh - energy_low_kwh, energy_high_kwh - estimate_kwh) <= 0.25 * estimate_kwh THEN 'medium'
        WHEN greatest(estimate_kwh - energy_low_kwh, energy_high_kwh - estimate_kwh) <= 0.50 * estimate_kwh THEN 'low'
    END AS quality,
    -- CodeCarbon's own power is a mean of samples that does not fit its energy.
    cpu_energy_kwh * 3.6e6 / power_span_s AS cpu_power_w,
    gpu_energy_kwh * 3.6e6 / power_span_s AS gpu_power_w,
    ram_energy_kwh * 3.6e6 / power_span_s AS ram_power_w,
    cpu_tdp_w,
    cpu_tdp_source,
    emissions_kg,
    energy_low_kwh * carbon_intensity_low_g_per_kwh / 1000 AS emissions_low_kg,
    energy_high_kwh * carbon_intensity_high_g_per_kwh / 1000 AS emissions_high_kg,
    emissions_kg / span_s AS emissions_rate_kg_per_s,
    carbon_intensity_g_per_kwh,
    carbon_intensity_low_g_per_kwh,
    carbon_intensity_high_g_per_kwh,
    CASE WHEN is_csv AND NOT is_fallback AND carbon_intensity_g_per_kwh IS NULL THEN 'unknown' ELSE intensity_source END
        AS intensity_source,
    intensity_year,
    intensity_note,
    location_source,
    cpu_method,
    gpu_method,
    ram_method,
    CASE WHEN inferred_method = '' THEN 'recorded' WHEN 'unknown' IN (cpu_method, gpu_method, ram_method) THEN 'unknown' ELSE 'inferred' END
        AS method_source,
    CASE WHEN inferred_method <> '' THEN coalesce(
        format('CPU: {:.4g} W ', core.telling_power(
            cpu_kwh, file_cpu_w, measured_s, pue, file_cpu_utilization, loads_w, cpu_method
        )) || CASE
            WHEN cpu_method = 'constant' THEN 'is half of a TDP that CodeCarbon assumes'
            WHEN cpu_method = 'cpu_load' THEN format('is what the load model gives for a load of {:.0f} %', 100 * file_cpu_utilization)
            WHEN cpu_method = 'unknown' THEN 'may be modelled or counted'
            WHEN len(loads_w) = 0 THEN 'is no half of a TDP, and this version has no load model'
            ELSE 'is neither half of a TDP nor what the load model gives' END,
        'CPU: its power is not known'
    ) END AS method_reason,
    meter,
    meter_error,
    meter_settings_ignored,
    settings_error,
    tracking_mode,
    pue,
    CASE WHEN NOT is_csv THEN list_concat(record_flags, CASE WHEN attribution_method IS NOT NULL THEN ['overlapping'] ELSE [] END)
        WHEN file_flags = '' THEN [] ELSE string_split(file_flags, ',') END AS flags,
    process_cpu_s,
    host_cpu_s,
    dagster_run_id,
    step_key,
    partition_key,
    retry_number,
    placement->>'ray_node_id' AS ray_node_id,
    placement->>'slurm_job_id' AS slurm_job_id,
    placement->>'slurm_array_job_id' AS slurm_array_job_id,
    placement->>'slurm_array_task_id' AS slurm_array_task_id,
    (placement->>'slurm_rank')::INTEGER AS slurm_rank,
    placement->>'slurm_node' AS slurm_node,
    placement->>'slurm_partition' AS slurm_partition,
    placement->>'kubernetes_namespace' AS kubernetes_namespace,
    placement->>'kubernetes_pod' AS kubernetes_pod,
    placement->>'kubernetes_node' AS kubernetes_node,
    (placement->>'cgroup_cpus')::DOUBLE AS cgroup_cpus,
    (placement->>'cgroup_ram_gb')::DOUBLE AS cgroup_ram_gb,
    source,
    file_no,
    source_file,
    line AS source_line,
    gpu_tracked_count,
    sample_s,
    sample_count,
    idle_energy_kwh,
    idle_cpu_energy_kwh,
    idle_gpu_energy_kwh,
    idle_ram_energy_kwh,
    idle_duration_s,
    idle_measured_at,
    energy_kwh - idle_energy_kwh * duration_s / idle_duration_s AS energy_above_idle_kwh,
    energy_kwh * coalesce(attributed_share, 1) - idle_energy_kwh * duration_s / idle_duration_s
        * coalesce(attributed_idle_share, 1) AS attributed_above_idle_kwh,
    cpu_gap_s,
    gpu_gap_s,
    wall_gap_s,
    wall_meter,
    wall_error,
    host_id,
    machine_id,
    day_shares,
    CASE WHEN is_csv THEN file_cpu_utilization
        WHEN duration_s >= 1 AND host_cpu_s / cpu_count IS NOT NULL THEN least(host_cpu_s / (duration_s * cpu_count), 1) END
        AS cpu_utilization,
    gpu_utilization,
    ram_utilization,
    ram_used_gb,
    water_l,
    wue_l_per_kwh,
    extra_columns,
    task,
    md5(to_json([name, asset_key])::VARCHAR)::UUID AS task_id,
    context_no,
    hardware_id,
    location_id,
    software_id
FROM flagged;
COMMENT ON VIEW core.run IS 'One row per run: what was measured, how, and how uncertain it is.';
COMMENT ON COLUMN core.run.run_id IS 'ID of the run, unique to it; a hash of the row where a file contains none.';
COMMENT ON COLUMN core.run.parent_run_id IS 'Run that this one is a part of, where it is a task within a run.';
COMMENT ON COLUMN core.run.started_at IS 'Start, UTC. For imported files: end minus duration.';
COMMENT ON COLUMN core.run.ended_at IS 'End, UTC. Imported times without a zone count as UTC, or in the zone given.';
COMMENT ON COLUMN core.run.attributed_energy_kwh IS 'Share of this run, kWh; 0 for a task whose run is known.';
COMMENT ON COLUMN core.run.attributed_share IS 'Attributed energy over measured energy; other than 1 where runs overlap on a host.';
COMMENT ON COLUMN core.run.attribution_method IS 'How overlapping runs were told apart: by curve, or by mean_power if one has none.';
COMMENT ON COLUMN core.run.attributed_above_idle_kwh IS 'Attributed energy minus idle energy, attributed likewise, kWh.';
COMMENT ON COLUMN core.run.day_shares IS 'Share of each day (UTC) from the first on; empty for a run of one day, and for imported rows.';
COMMENT ON COLUMN core.run.interval_source IS 'Where the interval is from: wall_meter, calibrated (of this machine), or model.';
COMMENT ON COLUMN core.run.wall_estimate_kwh IS 'Best estimate of the energy at the wall, kWh: by a wall meter, else calibrated.';
COMMENT ON COLUMN core.run.wall_emissions_kg IS 'Emissions from that estimate, kg CO2eq.';
COMMENT ON COLUMN core.run.estimate_kwh IS 'What is published, kWh: the energy at the wall where it is known, else what the meter saw.';
COMMENT ON COLUMN core.run.estimate_kg IS 'Emissions likewise, kg CO2eq.';
COMMENT ON COLUMN core.run.estimate_share IS 'Share of this run in its estimate and interval; other than 1 where runs overlap on a host.';
COMMENT ON COLUMN core.run.attributed_estimate_kwh IS 'What is published, attributed, kWh.';
COMMENT ON COLUMN core.run.method_reason IS 'What the method of the CPU was inferred from, for rows of files.';
COMMENT ON COLUMN core.run.method_source IS 'Whether the methods are recorded, were inferred from the row, or one of them is unknown.';
COMMENT ON COLUMN core.run.flags IS 'What was corrected or looks wrong; docs/warehouse.md lists every flag.';
COMMENT ON COLUMN core.run.file_no IS 'Key to raw.loaded_file.';
COMMENT ON COLUMN core.run.source_file IS 'File that the run was loaded from.';
COMMENT ON COLUMN core.run.source_line IS 'Line of that file.';
COMMENT ON COLUMN core.run.gpu_utilization IS 'Mean load of the GPUs, 0 to 1; empty where it was not measured.';
COMMENT ON COLUMN core.run.ram_utilization IS 'Mean use of the memory, 0 to 1; empty where it was not measured.';
COMMENT ON COLUMN core.run.ram_used_gb IS 'Memory in use on average, GiB (2^30 bytes).';
COMMENT ON COLUMN core.run.water_l IS 'Water used, litres: WUE times energy.';
COMMENT ON COLUMN core.run.wue_l_per_kwh IS 'Water usage effectiveness (WUE) that the water was computed with, l/kWh.';
COMMENT ON COLUMN core.run.extra_columns IS 'The user''s own columns of an imported file, as a JSON object of texts.';
COMMENT ON COLUMN core.run.task IS 'The fields of BoAmps'' task that track() was given, as JSON.';
COMMENT ON COLUMN core.run.task_id IS 'Key to core.task.';
COMMENT ON COLUMN core.run.context_no IS 'Key to raw.context, which has all that the three next keys stand for.';
COMMENT ON COLUMN core.run.hardware_id IS 'Key to core.hardware.';
COMMENT ON COLUMN core.run.location_id IS 'Key to core.location.';
COMMENT ON COLUMN core.run.software_id IS 'Key to core.software.';
