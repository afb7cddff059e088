-- The measured part of the BoAmps report of each run that ended after $after and until $until, with BoAmps' names
-- (boamps/report.py adds the user-provided part); of run $run_id only unless it is NULL. Components are computed once per machine. GiB are
-- converted to the schemas' GB (factor 1.073741824); kg CO2eq and kWh are unchanged. `measures` has one measure per
-- component where the split of the energy is known, otherwise a single one, and is empty where no energy is known;
-- `environment` is NULL where the country is not known; `description` contains what the schemas have no field for.
WITH machine AS MATERIALIZED (
    SELECT
        *,
        regexp_replace(regexp_replace(cpu_model, '\((R|r|TM|tm)\)', '', 'g'), '\s+', ' ', 'g') AS cpu,
        -- CodeCarbon writes the number of GPUs before their name, and separates several names by commas
        CASE WHEN nullif(trim(gpu_model), '') IS NULL THEN [{'number': gpu_count, 'name': ''}]
            ELSE list_transform(string_split(gpu_model, ', '), lambda found: {
                'number': coalesce(
                    try_cast(regexp_extract(found, '^(\d+) x ', 1) AS INTEGER),
                    CASE WHEN contains(gpu_model, ', ') THEN 1 ELSE gpu_count END
                ),
                'name': trim(regexp_replace(found, '^\d+ x ', ''))
            })
        END AS gpus
    FROM core.hardware
), component AS MATERIALIZED (
    SELECT
        hardware_id,
        CASE WHEN cpu_count IS NOT NULL THEN [{
            'componentName': nullif(trim(cpu_model), ''),
            'componentType': 'cpu',
            'nbComponent': cpu_count,
            'memorySize': NULL::DOUBLE,
            'manufacturer': CASE
                WHEN regexp_matches(cpu, '\bIntel\b', 'i') THEN 'Intel'
                WHEN regexp_matches(cpu, '\bAMD\b', 'i') THEN 'AMD'
                WHEN regexp_matches(cpu, '^Apple\b', 'i') THEN 'Apple'
                WHEN regexp_matches(cpu, '\b(Neoverse|Cortex)\b', 'i') THEN 'Arm'
            END,
            'family': nullif(CASE
                WHEN regexp_matches(cpu, '\bIntel\b', 'i') THEN regexp_extract(cpu, '\b(Xeon|Core|Atom|Celeron|Pentium)\b', 1)
                WHEN regexp_matches(cpu, '\bAMD\b', 'i')
                    THEN regexp_extract(cpu, '\b(EPYC|Ryzen Threadripper|Ryzen|Athlon|Opteron)\b', 1)
                WHEN regexp_matches(cpu, '^Apple\b', 'i') THEN regexp_extract(cpu, '\b(M\d+)\b', 1)
                ELSE regexp_extract(cpu, '\b(Neoverse|Cortex)\b', 1)
            END, ''),
            'series': nullif(CASE
                WHEN contains(cpu, 'Xeon') THEN trim(regexp_extract(cpu,
                    'Xeon (?:CPU )?((?:(?:Platinum|Gold|Silver|Bronze) )?(?:[A-Za-z]\d?-)?\d{4,5}[A-Z+]*(?: v\d)?)', 1))
                WHEN regexp_matches(cpu, '\bIntel\b.*\bCore\b') THEN regexp_extract(cpu,
                    'Core (i[3579]-\d{3,5}[A-Z0-9]{0,4}|Ultra [3579] \d{3}[A-Z]{0,2}|[357] \d{3}[A-Z]{0,2}|m[357]-[0-9A-Z]+)', 1)
                WHEN contains(cpu, 'EPYC') THEN regexp_extract(cpu, 'EPYC (\d[0-9A-Z]{3,4})\b', 1)
                WHEN contains(cpu, 'Ryzen') THEN regexp_extract(cpu,
                    'Ryzen (?:Threadripper )?((?:AI )?(?:PRO )?(?:[3579] )?(?:PRO )?\d{4}[A-Z0-9]{0,3})\b', 1)
                WHEN regexp_matches(cpu, '^Apple\b', 'i') THEN regexp_extract(cpu, '\b(M\d+(?: (?:Pro|Max|Ultra))?)\b', 1)
                ELSE regexp_extract(cpu, '\b(?:Neoverse|Cortex)-([A-Z]\d+)', 1)
            END, '')
        }] ELSE [] END AS cpus,
        coalesce(list_transform(list_filter(gpus, lambda found: found.number > 0), lambda found: {
            'componentName': nullif(found.name, ''),
            'componentType': 'gpu',
            'nbComponent': found.number,
            -- a record has one memory size for all GPUs; the size in the name of a GH200 is that of its CPU
            'memorySize': coalesce(
                CASE WHEN len(gpus) = 1 THEN round(gpu_memory_gb * 1.073741824, 3) END,
                CASE WHEN NOT regexp_matches(found.name, 'G[HB]200')
                    THEN try_cast(nullif(regexp_extract(found.name, '\b(\d+) ?GB\b', 1), '') AS DOUBLE) END
            ),
            'manufacturer': CASE
                WHEN regexp_matches(found.name, '\b(NVIDIA|Tesla|GeForce|Quadro)\b', 'i') THEN 'NVIDIA'
                WHEN regexp_matches(found.name, '\b(AMD|Radeon|Instinct)\b', 'i') THEN 'AMD'
                WHEN regexp_matches(found.name, '\bIntel\b', 'i') THEN 'Intel'
                WHEN regexp_matches(found.name, '^Apple\b', 'i') THEN 'Apple'
            END,
            'family': nullif(regexp_extract(found.name, '\b(GeForce|Tesla|Quadro|TITAN|Radeon|Instinct|Arc)\b', 1), ''),
            'series': nullif(regexp_extract(found.name,
                '\b((?:RTX|GTX) \d{3,4}(?: Ti)?(?: SUPER)?|GB200|MI\d+X?|[ABHLPTV]\d{1,4}S?)\b', 1), '')
        }), []) AS gpus,
        CASE WHEN ram_gb > 0 THEN [{
            'componentName': NULL::VARCHAR,
            'componentType': 'ram',
            'nbComponent': 1,
            'memorySize': round(ram_gb * 1.073741824, 3),
            'manufacturer': NULL::VARCHAR,
            'family': NULL::VARCHAR,
            'series': NULL::VARCHAR
        }] ELSE [] END AS memory
    FROM machine
), prepared AS (
    SELECT
        r.*,
        list_transform(cpus || component.gpus || memory, lambda found: struct_pack(
            componentName := found.componentName, componentType := found.componentType, nbComponent := found.nbComponent,
            memorySize := found.memorySize, manufacturer := found.manufacturer, family := found.family,
            series := found.series,
            share := CASE WHEN list_contains(r.flags, 'overlapping') AND r.attributed_share BETWEEN 0 AND 1
                THEN r.attributed_share END
        )) AS components,
        codecarbon_version AS version,
        strftime(started_at AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S') AS begun,
        CASE WHEN method_source = 'inferred' THEN ' (inferred)' ELSE '' END AS how,
        nullif(cpu_method, 'unknown') AS cpu_mode,
        nullif(nullif(gpu_method, 'unknown'), 'none') AS gpu_mode,
        -- The split is known where the parts add up to the total. An unmeasured GPU gets no measure, not one of 0 kWh.
        coalesce(abs(coalesce(cpu_energy_kwh, 0) + coalesce(gpu_energy_kwh, 0) + coalesce(ram_energy_kwh, 0) - energy_kwh)
            <= 1e-6 * energy_kwh, false) AND cpu_energy_kwh IS NOT NULL AS is_split,
        is_split AND (gpu_energy_kwh > 0 OR gpu_energy_kwh IS NOT NULL AND gpu_mode IS NOT NULL) AS has_gpu
    FROM report.runs AS r
    JOIN component USING (hardware_id)
    WHERE r.ended_at > $after AND r.ended_at <= $until AND r.run_id = coalesce($run_id, r.run_id)
), measured AS (
    SELECT
        *,
        CASE
            -- An energy that the hardware cannot have drawn, or that lacks the CPU's, is not that of the task.
            WHEN estimate_kwh IS NULL OR list_contains(flags, 'cpu_not_measured')
                OR list_contains(flags, 'power_contradicts_energy') AND coalesce(cpu_power_w, ram_power_w) IS NULL THEN []
            -- The best estimate of the energy at the wall is one number for all components.
            WHEN wall_estimate_kwh IS NOT NULL THEN [{
                'measurementMethod': CASE interval_source WHEN 'wall_meter' THEN concat('wall meter;', wall_method)
                    ELSE concat(meter, ';calibrated with a wall meter;cpu=', cpu_method, ';gpu=', gpu_method, ';ram=', ram_method) END,
                'version': CASE interval_source WHEN 'calibrated' THEN version END,
                'cpuTrackingMode': CASE interval_source WHEN 'wall_meter' THEN 'wall meter' ELSE cpu_mode END,
                'gpuTrackingMode': CASE WHEN gpu_mode IS NOT NULL
                    THEN CASE interval_source WHEN 'wall_meter' THEN 'wall meter' ELSE gpu_mode END END,
                'averageUtilizationCpu': round(cpu_utilization, 4),
                'averageUtilizationGpu': round(gpu_utilization, 4),
                'powerCalibrationMeasurement': NULL,
                'durationCalibrationMeasurement': NULL,
                'powerConsumption': wall_estimate_kwh,
                'measurementDuration': duration_s,
                'measurementDateTime': begun
            }]
            WHEN NOT is_split THEN [{
                'measurementMethod': concat(meter, ';cpu=', cpu_method, ';gpu=', gpu_method, ';ram=', ram_method, how),
                'version': version,
                'cpuTrackingMode': cpu_mode,
                'gpuTrackingMode': gpu_mode,
                'averageUtilizationCpu': round(cpu_utilization, 4),
                'averageUtilizationGpu': round(gpu_utilization, 4),
                'powerCalibrationMeasurement': idle_energy_kwh,
                'durationCalibrationMeasurement': idle_duration_s,
                'powerConsumption': energy_kwh,
                'measurementDuration': duration_s,
                'measurementDateTime': begun
            }]
            ELSE list_filter([
                {
                    'measurementMethod': concat(meter, ';cpu=', cpu_method, how),
                    'version': version,
                    'cpuTrackingMode': cpu_mode,
                    'gpuTrackingMode': NULL,
                    'averageUtilizationCpu': round(cpu_utilization, 4),
                    'averageUtilizationGpu': NULL,
                    'powerCalibrationMeasurement': idle_cpu_energy_kwh,
                    'durationCalibrationMeasurement': CASE WHEN idle_cpu_energy_kwh IS NOT NULL THEN idle_duration_s END,
                    'powerConsumption': cpu_energy_kwh,
                    'measurementDuration': duration_s,
                    'measurementDateTime': begun
                },
                CASE WHEN has_gpu THEN {
                    'measurementMethod': concat(meter, ';gpu=', gpu_method, how),
                    'version': version,
                    'cpuTrackingMode': NULL,
                    'gpuTrackingMode': gpu_mode,
                    'averageUtilizationCpu': NULL,
                    'averageUtilizationGpu': round(gpu_utilization, 4),
                    'powerCalibrationMeasurement': idle_gpu_energy_kwh,
                    'durationCalibrationMeasurement': CASE WHEN idle_gpu_energy_kwh IS NOT NULL THEN idle_duration_s END,
                    'powerConsumption': gpu_energy_kwh,
                    'measurementDuration': duration_s,
                    'measurementDateTime': begun
                } END,
                CASE WHEN ram_energy_kwh > 0 OR ram_energy_kwh IS NOT NULL AND ram_method <> 'none' THEN {
                    'measurementMethod': concat(meter, ';ram=', ram_method, how),
                    'version': version,
                    'cpuTrackingMode': NULL,
                    'gpuTrackingMode': NULL,
                    'averageUtilizationCpu': NULL,
                    'averageUtilizationGpu': NULL,
                    'powerCalibrationMeasurement': idle_ram_energy_kwh,
                    'durationCalibrationMeasurement': CASE WHEN idle_ram_energy_kwh IS NOT NULL THEN idle_duration_s END,
                    'powerConsumption': ram_energy_kwh,
                    'measurementDuration': duration_s,
                    'measurementDateTime': begun
                } END
            ], lambda found: found IS NOT NULL)
        END AS measures
    FROM prepared
), answer AS (
    SELECT
        run_id,
        project_name,
        task,
        {
            'reportId': run_id,
            'reportDatetime': strftime(ended_at AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S')
        } AS header,
        {'projectName': nullif(trim(project_name), '')} AS publisher,
        measures,
        CASE WHEN regexp_extract(trim(os), '^[^-]+') <> '' THEN {
            -- CodeCarbon writes the whole platform string, such as Linux-5.15.0-116-generic-x86_64-with-glibc2.35
            'os': regexp_extract(trim(os), '^[^-]+'),
            'distribution': nullif(trim(distribution), ''),
            'distributionVersion': nullif(trim(distribution_version), '')
        } END AS system,
        -- A command under `carbon-pipeline run` may be written in any language.
        CASE WHEN source <> 'command' THEN {'language': 'python', 'version': nullif(trim(python_version), '')} END AS software,
        {
            'infraType': CASE WHEN nullif(trim(cloud_provider), '') IS NOT NULL THEN 'publicCloud' ELSE 'onPremise' END,
            'cloudProvider': CASE lower(trim(cloud_provider)) WHEN 'gcp' THEN 'google' ELSE nullif(lower(trim(cloud_provider)), '') END,
            'components': components
        } AS infrastructure,
        CASE WHEN coalesce(nullif(trim(country_name), ''), country_iso_code) IS NOT NULL THEN {
            'country': coalesce(nullif(trim(country_name), ''), country_iso_code),
            'latitude': latitude,
            'longitude': longitude,
            'location': nullif(trim(region), ''),
            'powerSourceCarbonIntensity': CASE WHEN intensity_source NOT IN ('unknown', 'world_average')
                THEN round(carbon_intensity_g_per_kwh, 6) END
        } END AS environment,
        quality,
        concat_ws(' ',
            CASE status WHEN 'failed' THEN 'The work failed.' WHEN 'cancelled' THEN 'The work was cancelled.'
                WHEN 'interrupted' THEN 'The work was interrupted.' END,
            CASE WHEN len(measures) > 1 THEN 'The measures are the components of one run; their sum is its energy.' END,
            CASE WHEN pue > 1 THEN format('A PUE of {:.4g} is included in the measures.', pue)
                WHEN pue = 1 THEN 'No PUE is included in the measures.' END,
            CASE WHEN energy_high_kwh IS NOT NULL THEN
                format('At the wall the machine drew between {:.4g} and {:.4g} kWh{}.', energy_low_kwh, energy_high_kwh,
                    CASE WHEN pue > 1 THEN ', the PUE included' ELSE '' END) END,
            CASE WHEN emissions_high_kg IS NOT NULL THEN
                format('Emissions: {:.4g} kg CO2eq, between {:.4g} and {:.4g}.', estimate_kg, emissions_low_kg, emissions_high_kg)
                WHEN estimate_kg IS NOT NULL THEN format('Emissions: {:.4g} kg CO2eq.', estimate_kg) END,
            CASE interval_source WHEN 'wall_meter' THEN 'The energy is that of a meter at the wall.'
                WHEN 'calibrated' THEN format('The energy is predicted from {} runs of this machine with a meter at the wall.',
                    calibration_runs) END,
            CASE WHEN intensity_source = 'world_average' THEN 'The country is not known: the carbon intensity is the world average.' END,
            CASE WHEN list_contains(flags, 'overlapping') AND attributed_share < 1 THEN
                format('Other tracked work used the machine at the same time; the share of this run is {:.4g}.', attributed_share) END,
            CASE WHEN parent_run_id IS NOT NULL THEN concat('Part of run ', parent_run_id, '.') END,
            CASE WHEN len(flags) > 0 THEN concat('Flags: ', array_to_string(flags, ', '), '.') END
        ) AS description
    FROM measured
)
SELECT
    run_id,
    project_name,
    task,
    to_json({
        'publisher': publisher, 'system': system, 'software': software, 'infrastructure': infrastructure
    })::VARCHAR AS machine,
    to_json({
        'header': header, 'measures': measures, 'environment': environment, 'quality': quality, 'description': description
    })::VARCHAR AS measured
FROM answer
ORDER BY header.reportDatetime, run_id;
