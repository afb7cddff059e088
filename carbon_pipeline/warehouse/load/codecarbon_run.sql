-- From CodeCarbon's columns to those of core.run, for the rows in chosen_row. Energies of imported rows get the interval
-- that model/interval.py defines: low = m * (f . E) + p * t, and high likewise, never narrower than the energy itself;
-- where there is a total without its parts, the factors of the CPU, which are the widest, apply to it; where the CPU's
-- energy is missing and there is no total, there is no interval. 1 kWh = 3.6e6 J.
CREATE OR REPLACE TEMP VIEW codecarbon_run AS
WITH reckoned AS (
    SELECT
        row.row_no, row.file_no, row.line, row.run_key, row.parent_run_id, row.experiment_id, row.project_name,
        row.timestamp, row.duration, row.emissions, row.cpu_energy, row.gpu_energy, row.ram_energy,
        row.cpu_utilization, row.gpu_utilization,
        kind.*,
        task.task_id,
        energy(cpu_energy, gpu_energy, ram_energy, energy_consumed) AS energy_kwh,
        -- What the emissions of the file were reckoned with; below these bounds a quotient has no meaning.
        CASE WHEN coalesce(energy_consumed, energy_kwh) > 1e-15 THEN coalesce(energy_consumed, energy_kwh) END AS basis_kwh,
        CASE WHEN duration > 1e-6 THEN duration END AS span_s,
        CASE WHEN is_fallback THEN getvariable('known').world_average_g_per_kwh ELSE emissions / basis_kwh * 1000 END
            AS g_per_kwh,
        CASE WHEN is_fallback THEN energy_kwh * g_per_kwh / 1000 ELSE emissions END AS emissions_kg,
        cpu_energy + gpu_energy + ram_energy IS NOT NULL AS has_parts,
        duration / 3.6e6 * coalesce(pue, 1) AS kwh_per_w,
        cpu_energy IS NOT NULL OR energy_consumed IS NOT NULL AS has_interval,
        CASE WHEN has_interval THEN least(energy_kwh, CASE WHEN has_parts THEN cpu_low * cpu_energy + gpu_low * gpu_energy + ram_low * ram_energy
            ELSE cpu_low * energy_kwh END + rest_low_w * kwh_per_w) END AS low_kwh,
        CASE WHEN has_interval THEN greatest(energy_kwh, CASE WHEN has_parts THEN cpu_high * cpu_energy + gpu_high * gpu_energy + ram_high * ram_energy
            ELSE cpu_high * energy_kwh END + rest_high_w * kwh_per_w) END AS high_kwh,
        CASE WHEN is_fallback THEN least(g_per_kwh, getvariable('known').anywhere[1])
            ELSE g_per_kwh * getvariable('known').average[1] END AS low_g_per_kwh,
        CASE WHEN is_fallback THEN greatest(g_per_kwh, getvariable('known').anywhere[2])
            ELSE g_per_kwh * getvariable('known').average[2] END AS high_g_per_kwh,
        row.bits | kind.doubts AS all_bits
    FROM chosen_row AS row
    JOIN known_kind AS kind ON row.file_no = kind.file_no AND row.kind = kind.kind
    JOIN codecarbon_task AS task ON row.project_name IS NOT DISTINCT FROM raw_project_name
        AND row.task_name IS NOT DISTINCT FROM raw_task_name
)
SELECT
    row_no,
    file_no,
    run_key AS run_id,
    parent_run_id,
    project_name,
    experiment_id,
    'completed' AS status,
    timestamp - to_microseconds((duration * 1e6)::BIGINT) AS started_at,
    timestamp AS ended_at,
    duration AS duration_s,
    cpu_energy AS cpu_energy_kwh,
    gpu_energy AS gpu_energy_kwh,
    ram_energy AS ram_energy_kwh,
    energy_kwh,
    energy_kwh AS attributed_energy_kwh,
    low_kwh AS energy_low_kwh,
    high_kwh AS energy_high_kwh,
    CASE
        WHEN energy_kwh IS NULL OR NOT has_interval THEN NULL
        WHEN high_kwh - low_kwh <= getvariable('known').high_within * (high_kwh + low_kwh) THEN 'high'
        WHEN high_kwh - low_kwh <= getvariable('known').medium_within * (high_kwh + low_kwh) THEN 'medium'
        ELSE 'low'
    END AS quality,
    -- CodeCarbon's own power is a mean of samples that does not fit its energy.
    cpu_energy * 3.6e6 / span_s AS cpu_power_w,
    gpu_energy * 3.6e6 / span_s AS gpu_power_w,
    ram_energy * 3.6e6 / span_s AS ram_power_w,
    emissions_kg,
    low_kwh * low_g_per_kwh / 1000 AS emissions_low_kg,
    high_kwh * high_g_per_kwh / 1000 AS emissions_high_kg,
    emissions_kg / span_s AS emissions_rate_kg_per_s,
    g_per_kwh AS carbon_intensity_g_per_kwh,
    low_g_per_kwh AS carbon_intensity_low_g_per_kwh,
    high_g_per_kwh AS carbon_intensity_high_g_per_kwh,
    CASE WHEN is_fallback THEN 'world_average' WHEN emissions_kg IS NULL OR basis_kwh IS NULL THEN 'unknown' ELSE 'csv' END
        AS intensity_source,
    CASE WHEN country_iso_code IS NULL THEN 'unknown' ELSE 'csv' END AS location_source,
    'unknown' AS cpu_method,
    'unknown' AS gpu_method,
    'unknown' AS ram_method,
    'codecarbon' AS meter,
    tracking_mode,
    pue,
    cpu_utilization,
    gpu_utilization,
    flag_set.flags,
    'csv' AS source,
    source_file,
    line AS source_line,
    hardware_id,
    location_id,
    software_id,
    task_id
FROM reckoned
JOIN flag_set ON all_bits = flag_set.bits
JOIN inbox_file AS file USING (file_no);
