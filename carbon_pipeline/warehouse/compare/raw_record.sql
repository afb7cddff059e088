-- Of a large file, which rows are here depends on what was loaded before.
WITH old AS (
    SELECT sha256, line, run_id, content FROM warehouse.raw.record
    SEMI JOIN (FROM warehouse.raw.loaded_file WHERE rows_in_raw = rows_loaded + rows_superseded) USING (source_file, sha256)
), new AS (
    SELECT sha256, line, run_id, content FROM other.raw.record
    SEMI JOIN (FROM other.raw.loaded_file WHERE rows_in_raw = rows_loaded + rows_superseded) USING (source_file, sha256)
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
