INSERT INTO core.run BY NAME
SELECT * EXCLUDE (row_no, file_no) FROM codecarbon_run;
INSERT INTO core.run BY NAME
SELECT * EXCLUDE (row_no, file_no) FROM record_run ANTI JOIN contested USING (run_id);
