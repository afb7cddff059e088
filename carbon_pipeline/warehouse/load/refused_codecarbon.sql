INSERT INTO refused
SELECT source_file, line, reason, content
FROM (
    SELECT *, CASE
        WHEN ended_at IS NULL THEN 'timestamp is no date and time: ' || coalesce(timestamp, 'empty')
        WHEN duration_s IS NULL OR NOT isfinite(duration_s) OR duration_s NOT BETWEEN 0 AND 1e10
            THEN 'duration is no number of seconds from 0 to 1e10: ' || coalesce(duration, 'empty')
        WHEN energy_consumed IS NOT NULL AND (total_kwh IS NULL OR NOT isfinite(total_kwh) OR total_kwh < 0)
            THEN 'energy_consumed is no energy: ' || energy_consumed
        WHEN cpu_energy IS NOT NULL AND (cpu_kwh IS NULL OR NOT isfinite(cpu_kwh) OR cpu_kwh < 0)
            THEN 'cpu_energy is no energy: ' || cpu_energy
        WHEN gpu_energy IS NOT NULL AND (gpu_kwh IS NULL OR NOT isfinite(gpu_kwh) OR gpu_kwh < 0)
            THEN 'gpu_energy is no energy: ' || gpu_energy
        WHEN ram_energy IS NOT NULL AND (ram_kwh IS NULL OR NOT isfinite(ram_kwh) OR ram_kwh < 0)
            THEN 'ram_energy is no energy: ' || ram_energy
        WHEN emissions IS NOT NULL AND (emissions_kg IS NULL OR NOT isfinite(emissions_kg) OR emissions_kg < 0)
            THEN 'emissions is no mass: ' || emissions
    END AS reason
    FROM codecarbon_row
)
WHERE reason IS NOT NULL;
