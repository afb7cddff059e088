-- Records with an energy on the hosts of this load, whatever was loaded before: among them are the runs that overlap. The
-- host is that of the boot ID, which containers share; for older records it is known by its name only.
SELECT
    m.rowid AS row,
    dense_rank() OVER (ORDER BY coalesce(host_id, host)) AS host,
    epoch_us(started_at) AS began_us,
    epoch_us(ended_at) AS ended_us,
    run_id IN (SELECT run_id FROM record) AS is_fresh,
    attribution_method IS NOT NULL AS was_shared
FROM raw.measurement AS m
JOIN (
    SELECT * FROM raw.context
    WHERE source <> 'csv' AND coalesce(host_id, host) IN (
        SELECT coalesce(host_id, host)
        FROM (SELECT DISTINCT context FROM record)
        JOIN context_number USING (context)
        JOIN raw.context USING (context_no)
    )
) USING (context_no)
WHERE is_current AND ended_at > started_at AND coalesce(cpu_kwh, gpu_kwh, ram_kwh) IS NOT NULL
ORDER BY host, began_us, row;
