-- Records with an energy on the hosts of this load, whatever was loaded before: among them are the runs that overlap. The
-- host is that of the boot ID, which containers share; for older records it is known by its name only. A record without
-- either is alone.
SELECT
    m.rowid AS row,
    dense_rank() OVER (ORDER BY coalesce(host_id, host, run_id)) AS host,
    epoch_us(started_at) AS began_us,
    epoch_us(ended_at) AS ended_us,
    run_id IN (SELECT run_id FROM record) AS is_fresh,
    attribution_method IS NOT NULL AS was_shared
FROM raw.measurement AS m
JOIN (
    SELECT *, coalesce(host_id, host) AS known_host FROM raw.context WHERE source <> 'csv'
) USING (context_no)
WHERE is_current AND ended_at > started_at AND coalesce(cpu_kwh, gpu_kwh, ram_kwh) IS NOT NULL
    AND CASE WHEN known_host IS NULL THEN run_id IN (SELECT run_id FROM record)
        ELSE known_host IN (
            SELECT coalesce(host_id, host)
            FROM (SELECT DISTINCT context FROM record)
            JOIN context_number USING (context)
            JOIN raw.context USING (context_no)
        ) END
ORDER BY host, began_us, row;
