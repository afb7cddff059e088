SELECT run_id, source_file, energy_low_kwh, estimate_kwh, energy_high_kwh, emissions_low_kg, estimate_kg, emissions_high_kg
FROM core.run
WHERE NOT estimate_kwh BETWEEN energy_low_kwh AND energy_high_kwh
    -- the emissions of an imported row may have been computed from another energy than the sum of its parts
    OR NOT estimate_kg BETWEEN emissions_low_kg * 0.999999 AND emissions_high_kg * 1.000001
    AND NOT list_contains(flags, 'parts_do_not_add_up')
    OR attributed_energy_kwh > energy_kwh * 1.000001;
