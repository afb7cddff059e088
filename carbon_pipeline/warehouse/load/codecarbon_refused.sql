-- Nobody has used 1e9 kWh or emitted 1e9 kg in a run; CodeCarbon's first release is of 2020. codecarbon_large.sql holds
-- large files to the same bounds.
INSERT INTO refused BY NAME
SELECT row_no, file_no, line, reason, content
FROM (
    SELECT *, try_cast(timestamp AS TIMESTAMPTZ) AS ended_at, CASE
        WHEN ended_at IS NULL OR NOT isfinite(ended_at) THEN 'timestamp is no date and time: ' || coalesce(timestamp, 'empty')
        WHEN ended_at NOT BETWEEN TIMESTAMPTZ '2015-01-01 00:00:00+00' AND now() + INTERVAL 2 DAY
            THEN 'timestamp is before 2015 or in the future: ' || timestamp
        WHEN NOT coalesce(number(duration) BETWEEN 0 AND 1e10, false)
            THEN 'duration is no number of seconds from 0 to 1e10: ' || coalesce(duration, 'empty')
        WHEN energy_consumed IS NOT NULL AND NOT coalesce(number(energy_consumed) BETWEEN 0 AND 1e9, false)
            THEN 'energy_consumed is no energy from 0 to 1e9 kWh: ' || energy_consumed
        WHEN cpu_energy IS NOT NULL AND NOT coalesce(number(cpu_energy) BETWEEN 0 AND 1e9, false)
            THEN 'cpu_energy is no energy from 0 to 1e9 kWh: ' || cpu_energy
        WHEN gpu_energy IS NOT NULL AND NOT coalesce(number(gpu_energy) BETWEEN 0 AND 1e9, false)
            THEN 'gpu_energy is no energy from 0 to 1e9 kWh: ' || gpu_energy
        WHEN ram_energy IS NOT NULL AND NOT coalesce(number(ram_energy) BETWEEN 0 AND 1e9, false)
            THEN 'ram_energy is no energy from 0 to 1e9 kWh: ' || ram_energy
        WHEN emissions IS NOT NULL AND NOT coalesce(number(emissions) BETWEEN 0 AND 1e9, false)
            THEN 'emissions is no mass from 0 to 1e9 kg: ' || emissions
    END AS reason
    FROM codecarbon_text
)
WHERE reason IS NOT NULL;
