-- A task is a part of its run: where that is known too, the energy counts there, and only there. CodeCarbon writes the
-- energy of all tasks for such a run, and the time since the last one began: its duration is at least that of its tasks.
CREATE OR REPLACE TEMP TABLE family AS
SELECT DISTINCT parent_run_id AS run_id FROM staged WHERE parent_run_id IS NOT NULL
UNION
SELECT parent_run_id FROM raw.measurement WHERE parent_run_id IN (SELECT run_id FROM incoming);
CREATE OR REPLACE TEMP TABLE parent AS
SELECT run_id, has_energy, tasks_s
FROM (
    SELECT family.run_id, coalesce(bool_or(greatest(total_kwh, cpu_kwh, gpu_kwh, ram_kwh) > 0), false) AS has_energy
    FROM raw.measurement AS own
    RIGHT JOIN family ON family.run_id = own.run_id AND own.is_current
    GROUP BY family.run_id
)
LEFT JOIN (
    SELECT parent_run_id AS run_id, least(sum(measured_s), 1e10) AS tasks_s
    FROM raw.measurement
    SEMI JOIN family ON family.run_id = parent_run_id
    WHERE is_current
    GROUP BY parent_run_id
) USING (run_id);
UPDATE raw.measurement
SET attributed_share = CASE WHEN has_energy THEN 0 END
FROM parent
WHERE measurement.parent_run_id = parent.run_id;
UPDATE raw.measurement
SET tasks_s = parent.tasks_s
FROM parent
WHERE measurement.run_id = parent.run_id;
