-- Of several rows of one run, which CodeCarbon writes cumulatively, the last one counts: the rows that bring something new.
CREATE OR REPLACE TEMP TABLE best AS
SELECT stage.*
FROM stage
LEFT JOIN core.run AS known USING (run_id)
WHERE known.run_id IS NULL
    OR (stage.ended_at, stage.duration_s, coalesce(stage.energy_kwh, -1))
        > (known.ended_at, known.duration_s, coalesce(known.energy_kwh, -1))
QUALIFY row_number() OVER (
    PARTITION BY stage.run_id
    ORDER BY stage.ended_at DESC, stage.duration_s DESC, stage.energy_kwh DESC NULLS LAST, stage.source_file, stage.source_line DESC
) = 1;
-- Runs of which there was more than one state, here or before.
CREATE OR REPLACE TEMP TABLE cumulative AS
SELECT run_id
FROM (
    SELECT run_id, ended_at, duration_s, energy_kwh FROM stage
    UNION
    SELECT run_id, ended_at, duration_s, energy_kwh FROM core.run SEMI JOIN stage USING (run_id)
)
GROUP BY run_id
HAVING count(*) > 1;
