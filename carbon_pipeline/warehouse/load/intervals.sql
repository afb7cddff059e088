-- Imported rows get the interval that tracking/quality.py defines: low = m * (f . E) + p * t, and high likewise, never
-- narrower than the energy itself. $average and $anywhere hold the ends of the carbon intensity (as factors of an
-- average, and in g/kWh), $high_within and $medium_within BoAmps' bands. Where a part is missing, the factors
-- of the CPU, which are the widest, apply to the total.
UPDATE stage
SET energy_low_kwh = ends.low_kwh,
    energy_high_kwh = ends.high_kwh,
    quality = CASE
        WHEN ends.high_kwh - ends.low_kwh <= $high_within * (ends.high_kwh + ends.low_kwh) THEN 'high'
        WHEN ends.high_kwh - ends.low_kwh <= $medium_within * (ends.high_kwh + ends.low_kwh) THEN 'medium'
        ELSE 'low'
    END,
    carbon_intensity_low_g_per_kwh = ends.low_g_per_kwh,
    carbon_intensity_high_g_per_kwh = ends.high_g_per_kwh,
    emissions_low_kg = ends.low_kwh * ends.low_g_per_kwh / 1000,
    emissions_high_kg = ends.high_kwh * ends.high_g_per_kwh / 1000
FROM (
    SELECT
        row,
        least(energy_kwh, losses[1] * (cpu[1] * cpu_kwh + gpu[1] * gpu_kwh + ram[1] * ram_kwh) + rest_w[1] * kwh_per_w)
            AS low_kwh,
        greatest(energy_kwh, losses[2] * (cpu[2] * cpu_kwh + gpu[2] * gpu_kwh + ram[2] * ram_kwh) + rest_w[2] * kwh_per_w)
            AS high_kwh,
        CASE intensity_source WHEN 'world_average' THEN least(g_per_kwh, $anywhere[1]) ELSE g_per_kwh * $average[1] END
            AS low_g_per_kwh,
        CASE intensity_source WHEN 'world_average' THEN greatest(g_per_kwh, $anywhere[2]) ELSE g_per_kwh * $average[2] END
            AS high_g_per_kwh
    FROM (
        SELECT
            stage.rowid AS row,
            stage.energy_kwh,
            stage.cpu_energy_kwh + stage.gpu_energy_kwh + stage.ram_energy_kwh IS NOT NULL AS has_all,
            CASE WHEN has_all THEN stage.cpu_energy_kwh ELSE stage.energy_kwh END AS cpu_kwh,
            CASE WHEN has_all THEN stage.gpu_energy_kwh ELSE 0 END AS gpu_kwh,
            CASE WHEN has_all THEN stage.ram_energy_kwh ELSE 0 END AS ram_kwh,
            stage.duration_s / 3.6e6 * coalesce(stage.pue, 1) AS kwh_per_w,
            stage.intensity_source,
            stage.carbon_intensity_g_per_kwh AS g_per_kwh,
            kind.*
        FROM stage
        JOIN kind ON stage.cpu_model IS NOT DISTINCT FROM kind.cpu_model
            AND stage.cpu_count IS NOT DISTINCT FROM kind.cpu_count
            AND stage.gpu_model IS NOT DISTINCT FROM kind.gpu_model
            AND stage.gpu_count IS NOT DISTINCT FROM kind.gpu_count
            AND stage.ram_gb IS NOT DISTINCT FROM kind.ram_gb
            AND stage.tracking_mode IS NOT DISTINCT FROM kind.tracking_mode
            AND coalesce(stage.gpu_count > 0 AND stage.gpu_energy_kwh = 0, false) = (kind.gpu_tracked_count IS NOT NULL)
        WHERE stage.source = 'csv' AND stage.energy_kwh IS NOT NULL
    )
) AS ends
WHERE stage.rowid = ends.row;
