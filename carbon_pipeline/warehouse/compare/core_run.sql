-- Dimensions are compared with it: their keys are made from all that they say.
WITH old AS (
    SELECT * EXCLUDE (source_file, source_line, flags), list_sort(flags) AS flags FROM warehouse.core.run
), new AS (
    SELECT * EXCLUDE (source_file, source_line, flags), list_sort(flags) AS flags FROM other.core.run
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
