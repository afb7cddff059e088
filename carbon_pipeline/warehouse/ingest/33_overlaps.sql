-- The machine's energy where tracked runs overlap on a host: for each interval between run boundaries it is attributed
-- proportionally to the CPU seconds of the runs there; in equal shares where nobody used a CPU, or it is not known. Runs
-- that measured their own process only keep their energy, and count as users of the CPU for the others. Recomputed are the
-- runs of this load, and whatever overlaps with one of them.
CREATE OR REPLACE TEMP TABLE on_host AS
SELECT m.rowid AS row, host, started_at, ended_at, tracking_mode, process_cpu_s / epoch(ended_at - started_at) AS cpu_rate,
    run_id IN (SELECT run_id FROM record) AS is_fresh
FROM raw.measurement AS m
JOIN (SELECT * FROM raw.context WHERE host IN (SELECT host FROM record) AND source <> 'csv') USING (context_no)
WHERE is_current AND ended_at > started_at AND coalesce(cpu_kwh, gpu_kwh, ram_kwh) IS NOT NULL;
CREATE OR REPLACE TEMP TABLE touched AS
SELECT DISTINCT other.*
FROM on_host AS other
JOIN on_host AS fresh ON other.host = fresh.host AND other.started_at < fresh.ended_at AND other.ended_at > fresh.started_at
WHERE fresh.is_fresh;
-- Whatever overlaps with a run that is touched has a part in its shares.
CREATE OR REPLACE TEMP TABLE neighbour AS
SELECT
    touched.row,
    greatest(touched.started_at, other.started_at) AS started_at,
    least(touched.ended_at, other.ended_at) AS ended_at,
    other.row = touched.row AS is_self,
    other.cpu_rate
FROM touched
JOIN on_host AS other ON other.host = touched.host
    AND other.started_at < touched.ended_at AND other.ended_at > touched.started_at;
CREATE OR REPLACE TEMP TABLE share AS
WITH edge AS (
    SELECT DISTINCT row, unnest([started_at, ended_at]) AS began FROM neighbour
), stretch AS (
    SELECT row, began, lead(began) OVER (PARTITION BY row ORDER BY began) AS ended FROM edge
), divided AS (
    SELECT
        stretch.row,
        epoch(any_value(stretch.ended) - stretch.began) AS seconds,
        count(*) > 1 AS is_shared,
        CASE
            WHEN count(*) = 1 THEN 1
            WHEN bool_or(cpu_rate IS NULL) OR sum(cpu_rate) = 0 THEN 1 / count(*)
            ELSE sum(cpu_rate) FILTER (is_self) / sum(cpu_rate)
        END AS share
    FROM stretch
    JOIN neighbour ON neighbour.row = stretch.row
        AND neighbour.started_at < stretch.ended AND neighbour.ended_at > stretch.began
    WHERE stretch.ended IS NOT NULL
    GROUP BY stretch.row, stretch.began
)
SELECT row, CASE WHEN bool_or(is_shared) THEN sum(seconds * share) / sum(seconds) END AS share
FROM divided
GROUP BY row;
UPDATE raw.measurement
SET attributed_share = share.share
FROM share
JOIN touched ON touched.row = share.row
WHERE measurement.rowid = share.row AND touched.tracking_mode = 'machine'
    AND measurement.attributed_share IS DISTINCT FROM share.share;
