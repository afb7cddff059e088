-- Rows that cannot be. The bounds are in cells.sql; codecarbon_doubts.sql holds large files to the same.
INSERT INTO refused BY NAME
SELECT row_no, file_no, line, reason, content
FROM (
    SELECT *, try_cast(timestamp AS TIMESTAMPTZ) AS ended_at, CASE
        WHEN ended_at IS NULL OR NOT isfinite(ended_at) THEN 'timestamp is no date and time: ' || coalesce(timestamp, 'empty')
        WHEN NOT is_possible_moment(ended_at) THEN 'timestamp is not between the years 2015 and 2100: ' || timestamp
        WHEN NOT is_possible_duration(number(duration))
            THEN 'duration is no number of seconds from 0 to 1e10: ' || coalesce(duration, 'empty')
        WHEN energy_consumed IS NOT NULL AND NOT is_possible_amount(number(energy_consumed))
            THEN 'energy_consumed is no energy from 0 to 1e9 kWh: ' || energy_consumed
        WHEN cpu_energy IS NOT NULL AND NOT is_possible_amount(number(cpu_energy))
            THEN 'cpu_energy is no energy from 0 to 1e9 kWh: ' || cpu_energy
        WHEN gpu_energy IS NOT NULL AND NOT is_possible_amount(number(gpu_energy))
            THEN 'gpu_energy is no energy from 0 to 1e9 kWh: ' || gpu_energy
        WHEN ram_energy IS NOT NULL AND NOT is_possible_amount(number(ram_energy))
            THEN 'ram_energy is no energy from 0 to 1e9 kWh: ' || ram_energy
        WHEN emissions IS NOT NULL AND NOT is_possible_amount(number(emissions))
            THEN 'emissions is no mass from 0 to 1e9 kg: ' || emissions
    END AS reason
    FROM codecarbon_text
)
WHERE reason IS NOT NULL;
