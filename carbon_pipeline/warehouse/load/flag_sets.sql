-- Flags stand in codecarbon_run as bits; here is the list for each number. The lower five bits are those of known_kind.
CREATE OR REPLACE TEMP TABLE flag_set AS
WITH flag(bit, name) AS (
    VALUES
        (1, 'fallback_location'), (2, 'country_code_converted'), (4, 'value_left_out'), (8, 'mixed_tracking_modes'),
        (16, 'gpu_not_measured'), (32, 'short_run'), (64, 'default_experiment_id'), (128, 'rate_rescaled'),
        (256, 'energy_missing'), (512, 'parts_do_not_add_up'), (1024, 'power_recomputed'), (2048, 'zero_energy'),
        (4096, 'part_of_run'), (8192, 'power_contradicts_energy'), (16384, 'rate_recomputed')
), bits AS (
    SELECT kind.doubts + 32 * own.bits AS bits
    FROM (SELECT DISTINCT doubts | left_out.bit AS doubts FROM known_kind, (VALUES (0), (4)) AS left_out(bit)) AS kind,
        range(1024) AS own(bits)
)
SELECT bits, coalesce(list(name ORDER BY name) FILTER (bits & bit <> 0), []) AS flags
FROM bits, flag
GROUP BY bits;
