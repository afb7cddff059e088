WITH old AS (
    SELECT source_file, line, reason, content FROM warehouse.raw.quarantine
), new AS (
    SELECT source_file, line, reason, content FROM other.raw.quarantine
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
