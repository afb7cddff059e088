-- The machine's energy where tracked runs overlap on a host: in each stretch of time between two starts or ends, a run
-- gets the share of its CPU seconds in those of all runs there; equal shares where nobody used a CPU, or it is not
-- known. Runs that measured their own process only keep their energy, and count as users of the CPU for the others.
-- What has to be reckoned anew: the runs of this load, and whatever overlaps with one of them.
CREATE OR REPLACE TEMP TABLE fresh AS
SELECT run_id, host, run.started_at, run.ended_at
FROM core.run AS run
JOIN core.hardware USING (hardware_id)
SEMI JOIN record_row USING (run_id)
WHERE host IS NOT NULL AND source <> 'csv' AND ended_at > started_at AND energy_kwh IS NOT NULL;
CREATE OR REPLACE TEMP TABLE around AS
SELECT run_id, host, run.started_at, run.ended_at
FROM core.run AS run
JOIN core.hardware USING (hardware_id)
WHERE host IN (SELECT host FROM fresh) AND source <> 'csv' AND ended_at > started_at AND energy_kwh IS NOT NULL
    AND started_at < (SELECT max(ended_at) FROM fresh) AND ended_at > (SELECT min(started_at) FROM fresh);
CREATE OR REPLACE TEMP TABLE touched AS
SELECT DISTINCT around.*
FROM around
JOIN fresh ON around.host = fresh.host AND around.started_at < fresh.ended_at AND around.ended_at > fresh.started_at;
-- Whatever overlaps with a run that is touched has a part in its shares.
CREATE OR REPLACE TEMP TABLE placed AS
SELECT run_id, host, run.started_at, run.ended_at
FROM core.run AS run
JOIN core.hardware USING (hardware_id)
WHERE host IN (SELECT host FROM touched) AND source <> 'csv' AND ended_at > started_at AND energy_kwh IS NOT NULL
    AND started_at < (SELECT max(ended_at) FROM touched) AND ended_at > (SELECT min(started_at) FROM touched);
CREATE OR REPLACE TEMP TABLE neighbour AS
SELECT
    touched.run_id,
    greatest(touched.started_at, placed.started_at) AS started_at,
    least(touched.ended_at, placed.ended_at) AS ended_at,
    placed.run_id = touched.run_id AS is_self,
    run.process_cpu_s / epoch(run.ended_at - run.started_at) AS cpu_rate
FROM touched
JOIN placed ON placed.host = touched.host
    AND placed.started_at < touched.ended_at AND placed.ended_at > touched.started_at
JOIN core.run AS run ON run.run_id = placed.run_id;
CREATE OR REPLACE TEMP TABLE share AS
WITH edge AS (
    SELECT DISTINCT run_id, unnest([started_at, ended_at]) AS began FROM neighbour
), stretch AS (
    SELECT run_id, began, lead(began) OVER (PARTITION BY run_id ORDER BY began) AS ended FROM edge
), divided AS (
    SELECT
        stretch.run_id,
        epoch(any_value(stretch.ended) - stretch.began) AS seconds,
        count(*) > 1 AS is_shared,
        CASE
            WHEN count(*) = 1 THEN 1
            WHEN bool_or(cpu_rate IS NULL) OR sum(cpu_rate) = 0 THEN 1 / count(*)
            ELSE sum(cpu_rate) FILTER (is_self) / sum(cpu_rate)
        END AS share
    FROM stretch
    JOIN neighbour ON neighbour.run_id = stretch.run_id
        AND neighbour.started_at < stretch.ended AND neighbour.ended_at > stretch.began
    WHERE stretch.ended IS NOT NULL
    GROUP BY stretch.run_id, stretch.began
)
SELECT run_id, sum(seconds * share) / sum(seconds) AS share, bool_or(is_shared) AS overlaps
FROM divided
GROUP BY run_id;
UPDATE core.run
SET attributed_energy_kwh = energy_kwh * share.share,
    flags = list_append(list_filter(flags, lambda flag: flag <> 'overlapping'), 'overlapping')
FROM share
WHERE run.run_id = share.run_id AND run.tracking_mode = 'machine' AND share.overlaps
    AND (attributed_energy_kwh <> energy_kwh * share.share OR NOT list_contains(flags, 'overlapping'));
