WITH old AS (
    SELECT source_file, sha256, format, rows_read, rows_loaded + rows_superseded AS rows_taken, rows_quarantined, note
    FROM warehouse.raw.loaded_file
    WHERE format <> 'refused'
), new AS (
    SELECT source_file, sha256, format, rows_read, rows_loaded + rows_superseded AS rows_taken, rows_quarantined, note
    FROM other.raw.loaded_file
    WHERE format <> 'refused'
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
