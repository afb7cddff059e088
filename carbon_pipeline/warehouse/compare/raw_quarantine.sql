WITH old AS (
    SELECT sha256, line, reason, content FROM warehouse.raw.quarantine
), new AS (
    SELECT sha256, line, reason, content FROM other.raw.quarantine
)
SELECT (SELECT count(*) FROM (FROM old EXCEPT ALL FROM new)), (SELECT count(*) FROM (FROM new EXCEPT ALL FROM old));
