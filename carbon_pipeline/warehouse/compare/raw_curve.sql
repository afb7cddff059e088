-- Which of two files that say the same was loaded first may differ.
WITH old AS (
    SELECT md5(to_json(struct_pack(*COLUMNS(* EXCLUDE (file_no, line))))::VARCHAR) FROM warehouse.raw.curve
), new AS (
    SELECT md5(to_json(struct_pack(*COLUMNS(* EXCLUDE (file_no, line))))::VARCHAR) FROM other.raw.curve
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
