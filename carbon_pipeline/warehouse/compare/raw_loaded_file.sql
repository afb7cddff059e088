WITH old AS (
    SELECT source_file, sha256, format, rows_read, has_mixed_modes, timezone, note
    FROM warehouse.raw.loaded_file
    WHERE format <> 'rejected'
), new AS (
    SELECT source_file, sha256, format, rows_read, has_mixed_modes, timezone, note
    FROM other.raw.loaded_file
    WHERE format <> 'rejected'
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
