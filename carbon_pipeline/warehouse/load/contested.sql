-- Runs of which there is more than one row, here or in core; where in core they are is known by the way.
CREATE OR REPLACE TEMP VIEW incoming AS
SELECT run_key AS run_id FROM codecarbon_row UNION ALL SELECT run_id FROM record_row;
CREATE OR REPLACE TEMP TABLE known_run AS
SELECT run_id, rowid AS row FROM core.run SEMI JOIN incoming USING (run_id);
CREATE OR REPLACE TEMP TABLE contested AS
SELECT run_id FROM incoming GROUP BY run_id HAVING count(*) > 1
UNION
SELECT run_id FROM known_run;
