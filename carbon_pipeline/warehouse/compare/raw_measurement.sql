-- Which of two files that say the same was loaded first may differ.
WITH old AS (
    SELECT * EXCLUDE (file_no, line, context_no, is_current, is_cumulative, attributed_share, attributed_idle_share,
        attributed_wall_share, attribution_method, day_shares, tasks_s)
    FROM warehouse.raw.measurement
), new AS (
    SELECT * EXCLUDE (file_no, line, context_no, is_current, is_cumulative, attributed_share, attributed_idle_share,
        attributed_wall_share, attribution_method, day_shares, tasks_s)
    FROM other.raw.measurement
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
