-- What many records share.
INSERT INTO new_context BY NAME
SELECT
    context, source, host, cpu_model, cpu_count, cpu_physical_count, gpu_model, gpu_count, gpu_memory_gb, gpu_driver, ram_gb,
    machine_kind, country_name, country_iso_code, region, latitude, longitude, cloud_provider, cloud_region,
    location_source, os, distribution, distribution_version, python_version, codecarbon_version, meter, cpu_method,
    gpu_method, ram_method, cpu_tdp_w, cpu_tdp_source, gpu_tracked_count, sample_s, meter_settings_ignored, settings_error,
    tracking_mode, pue, intensity_source, intensity_year, false AS is_fallback, false AS is_code_converted,
    false AS has_discarded_value
FROM record;
