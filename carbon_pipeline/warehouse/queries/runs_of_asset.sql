-- The runs of an asset with all that two runs have to share to be compared, the latest first.
SELECT
    run_id, started_at, energy_kwh, status, flags, tracking_mode, pue, cpu_method, gpu_method, ram_method, codecarbon_version,
    host, cpu_model, cpu_count, gpu_model, gpu_count,
    CASE WHEN partition_key IS NULL THEN 'none' WHEN contains(partition_key, '...') THEN 'range' ELSE 'one' END
        AS partition_kind
FROM report.runs
WHERE list_contains(string_split(asset_key, ', '), $asset_key)
ORDER BY started_at DESC, run_id;
