-- The kinds of rows with the coefficients of their machines, and their doubts as bits (see flag_sets.sql).
CREATE OR REPLACE TEMP TABLE known_kind AS
SELECT
    kind.*,
    losses[1] * cpu[1] AS cpu_low, losses[1] * gpu[1] AS gpu_low, losses[1] * ram[1] AS ram_low, rest_w[1] AS rest_low_w,
    losses[2] * cpu[2] AS cpu_high, losses[2] * gpu[2] AS gpu_high, losses[2] * ram[2] AS ram_high, rest_w[2] AS rest_high_w,
    is_fallback::INTEGER + 2 * is_code_converted::INTEGER + 4 * has_left_out::INTEGER + 8 * has_mixed_modes::INTEGER
        + 16 * coalesce(raw_gpu_is_silent, false)::INTEGER AS doubts
FROM kind
JOIN coefficients AS machine ON kind.cpu_model IS NOT DISTINCT FROM machine.cpu_model
    AND kind.cpu_count IS NOT DISTINCT FROM machine.cpu_count
    AND kind.gpu_model IS NOT DISTINCT FROM machine.gpu_model
    AND kind.gpu_count IS NOT DISTINCT FROM machine.gpu_count
    AND kind.tracking_mode IS NOT DISTINCT FROM machine.tracking_mode
    AND kind.gpu_tracked_count IS NOT DISTINCT FROM machine.gpu_tracked_count;
