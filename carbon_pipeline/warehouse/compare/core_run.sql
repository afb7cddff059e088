-- What context_no stands for is compared with it: the keys are made from all that they say.
WITH old AS (
    SELECT * EXCLUDE (file_no, source_file, source_line, context_no) FROM warehouse.core.run
), new AS (
    SELECT * EXCLUDE (file_no, source_file, source_line, context_no) FROM other.core.run
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
