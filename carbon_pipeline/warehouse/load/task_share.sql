-- A task is a part of its run: where that is in core too, the energy counts there, and only there.
UPDATE core.run
SET attributed_energy_kwh = 0
WHERE parent_run_id IS NOT NULL AND attributed_energy_kwh <> 0 AND parent_run_id IN (
    SELECT run_id FROM core.run WHERE energy_kwh IS NOT NULL AND run_id IN (SELECT parent_run_id FROM core.run WHERE parent_run_id IS NOT NULL)
);
