-- Runs of which there is more than one measurement, in this load or with what was loaded before.
DELETE FROM staged WHERE file_no IN (SELECT file_no FROM replaced);
CREATE OR REPLACE TEMP TABLE incoming AS
SELECT run_id FROM staged
UNION ALL
SELECT run_id FROM record
UNION ALL
SELECT run_id FROM raw.measurement WHERE file_no IN (SELECT file_no FROM replaced);
CREATE OR REPLACE TEMP TABLE contested AS
SELECT run_id FROM incoming GROUP BY run_id HAVING count(*) > 1
UNION
SELECT run_id FROM raw.measurement SEMI JOIN incoming USING (run_id);
DELETE FROM raw.measurement WHERE file_no IN (SELECT file_no FROM replaced);
DELETE FROM raw.quarantine WHERE file_no IN (SELECT file_no FROM replaced);
DELETE FROM raw.loaded_file WHERE coalesce(same_as, file_no) IN (SELECT file_no FROM replaced);
