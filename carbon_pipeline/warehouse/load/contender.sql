-- Of several rows of one run, which CodeCarbon writes cumulatively, the last one counts. The order is a total one over
-- what the rows say, so that it does not matter which came first: our own records before imported files, ended runs
-- before interrupted ones, rows with an energy before rows without, then time, duration, energy, a hash of all that
-- was given (not of what is derived from it). Of rows that say the same, the one that is in core stays.
CREATE OR REPLACE TEMP TABLE contender AS
SELECT *, NULL::BOOLEAN AS is_known FROM codecarbon_run
UNION ALL BY NAME
SELECT * FROM record_run SEMI JOIN contested USING (run_id)
UNION ALL BY NAME
SELECT *, true AS is_known FROM core.run WHERE rowid IN (SELECT row FROM known_run);
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT
    *,
    md5(to_json(struct_pack(*COLUMNS(* EXCLUDE (
        row_no, file_no, source_file, source_line, is_known, flags, attributed_energy_kwh, energy_low_kwh, energy_high_kwh,
        quality, emissions_low_kg, emissions_high_kg, carbon_intensity_low_g_per_kwh, carbon_intensity_high_g_per_kwh
    ))))::VARCHAR) AS said,
    row_number() OVER (
        PARTITION BY run_id
        ORDER BY
            source <> 'csv' DESC, status <> 'interrupted' DESC, energy_kwh IS NOT NULL DESC, ended_at DESC,
            duration_s DESC, coalesce(energy_kwh, -1) DESC, said DESC,
            is_known DESC NULLS LAST, source_file, source_line
    ) AS place
FROM contender;
-- What there is to say of the rows of one run together, whichever of them came first: that there were several states of
-- it, and what is said of any row that says the same as the one that counts. Imported rows only: our own records are not
-- cumulative.
CREATE OR REPLACE TEMP TABLE winner AS
SELECT
    ranked.* EXCLUDE (said, place) REPLACE (
        CASE WHEN source = 'csv' THEN list_sort(list_distinct(list_concat(
            said_flags, CASE WHEN states > 1 OR was_superseded THEN ['cumulative_superseded'] ELSE [] END
        ))) ELSE flags END AS flags
    ),
    list_sort(ranked.flags) AS flags_before
FROM ranked
LEFT JOIN (
    SELECT run_id, count(DISTINCT said) AS states, bool_or(list_contains(flags, 'cumulative_superseded')) AS was_superseded
    FROM ranked
    WHERE source = 'csv'
    GROUP BY run_id
) AS state USING (run_id)
LEFT JOIN (
    SELECT run_id, said, flatten(list(flags)) AS said_flags FROM ranked WHERE source = 'csv' GROUP BY run_id, said
) AS alike USING (run_id, said)
WHERE place = 1;
