-- Runs of which there is more than one row, here or in core.
CREATE OR REPLACE TEMP TABLE contested AS
WITH incoming AS (
    SELECT run_key AS run_id FROM codecarbon_row UNION ALL SELECT run_id FROM record_row
)
SELECT run_id FROM incoming GROUP BY run_id HAVING count(*) > 1
UNION
SELECT run_id FROM core.run SEMI JOIN incoming USING (run_id);
