-- Contexts for which the interval model has not been evaluated.
SELECT
    context_no, source, cpu_method, gpu_method, ram_method, machine_kind, cpu_model, cpu_count, cpu_tdp_w, cpu_tdp_source, gpu_model,
    gpu_count, gpu_tracked_count, ram_gb, tracking_mode, intensity_source, country_iso_code, region, codecarbon_version, os,
    coalesce(pue, wue_l_per_kwh) IS NOT NULL AS is_recent, cloud_provider IS NOT NULL AS is_cloud
FROM raw.context
ANTI JOIN raw.coefficients USING (context_no);
