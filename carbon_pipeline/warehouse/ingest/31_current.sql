-- Which measurement of a run counts: the last of its states, which CodeCarbon writes cumulatively. The order is a total one
-- over what the measurements say, so that the order of loads does not matter: our own records before imported files, ended
-- runs before interrupted ones, with an energy before without, with a wall meter likewise, then time, duration, energy, and a
-- hash of all that was measured. Of measurements that say the same, an intact one before a repaired one, then the one that was
-- loaded first. An export of ours that comes back is the same state with less about it: energies are compared as FLOAT, and the original is
-- the row with CodeCarbon's fallback location, its constant as an ID, or a country code of three letters.
CREATE OR REPLACE TEMP TABLE contested_row AS
SELECT rowid AS row FROM raw.measurement SEMI JOIN contested USING (run_id);
CREATE OR REPLACE TEMP TABLE state AS
SELECT
    m.rowid AS row,
    m.run_id,
    wall_energy_kwh IS NULL AS is_without_wall,
    source = 'csv' AS is_csv,
    status = 'interrupted' AS is_interrupted,
    coalesce(total_kwh, cpu_kwh + coalesce(gpu_kwh, 0) + coalesce(ram_kwh, 0), gpu_kwh, ram_kwh)::FLOAT AS energy_kwh,
    ended_at, measured_s, extra_columns, is_fallback, is_code_converted, has_default_experiment, has_invalid_value, is_repaired,
    has_mixed_modes, experiment_id, file_no, line,
    md5(to_json(struct_pack(context_key, *COLUMNS(m.* EXCLUDE (
        rowid, file_no, line, context_no, inferred_method, extra_columns, has_invalid_value, has_default_experiment,
        is_repaired, is_current, is_cumulative, attributed_share, attributed_idle_share, attributed_wall_share,
        attribution_method, day_shares, tasks_s
    ))))::VARCHAR) AS said
FROM (SELECT *, rowid FROM raw.measurement WHERE rowid IN (SELECT row FROM contested_row)) AS m
JOIN raw.context USING (context_no)
JOIN raw.loaded_file USING (file_no);
CREATE OR REPLACE TEMP TABLE standing AS
SELECT
    row,
    row_number() OVER (
        PARTITION BY run_id
        ORDER BY is_csv, is_interrupted, energy_kwh IS NULL, is_without_wall, ended_at DESC, measured_s DESC, energy_kwh DESC,
            is_fallback DESC, has_default_experiment DESC, experiment_id IS NULL, is_code_converted DESC, said DESC,
            extra_columns DESC NULLS LAST, has_invalid_value DESC, is_repaired, has_mixed_modes DESC, file_no, line
    ) = 1 AS is_current,
    is_csv AND states > 1 AS is_cumulative
FROM state
JOIN (
    SELECT run_id, count(DISTINCT (date_trunc('second', ended_at), measured_s::FLOAT, energy_kwh)) FILTER (is_csv) AS states
    FROM state
    GROUP BY run_id
) USING (run_id);
UPDATE raw.measurement
SET is_current = standing.is_current, is_cumulative = standing.is_cumulative
FROM standing
WHERE measurement.rowid = standing.row
    AND (measurement.is_current <> standing.is_current OR measurement.is_cumulative <> standing.is_cumulative);
