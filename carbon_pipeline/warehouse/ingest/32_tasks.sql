-- A task is a part of its run: where that is known too, the energy counts there, and only there. CodeCarbon writes the
-- energy of all tasks for such a run, and the time since the last one began: its duration is at least that of its tasks.
CREATE OR REPLACE TEMP TABLE family AS
SELECT DISTINCT parent_run_id AS run_id FROM staged WHERE parent_run_id IS NOT NULL
UNION
SELECT parent_run_id FROM raw.measurement WHERE parent_run_id IN (SELECT run_id FROM incoming);
CREATE OR REPLACE TEMP TABLE parent AS
SELECT
    family.run_id,
    coalesce(bool_or(greatest(own.total_kwh, own.cpu_kwh, own.gpu_kwh, own.ram_kwh) > 0), false) AS has_energy,
    (SELECT least(sum(measured_s), 1e10) FROM raw.measurement AS task
        WHERE task.parent_run_id = family.run_id AND task.is_current) AS tasks_s
FROM family
LEFT JOIN raw.measurement AS own ON own.run_id = family.run_id AND own.is_current
GROUP BY family.run_id;
UPDATE raw.measurement
SET attributed_share = CASE WHEN has_energy THEN 0 END
FROM parent
WHERE measurement.parent_run_id = parent.run_id;
UPDATE raw.measurement
SET tasks_s = parent.tasks_s
FROM parent
WHERE measurement.run_id = parent.run_id;
