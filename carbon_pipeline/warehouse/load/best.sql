-- Of several rows of one run, which CodeCarbon writes cumulatively, the last one counts. The order is a total one over
-- what the rows say, so that it does not matter which came first: our own records before imported files, ended runs
-- before interrupted ones, rows with an energy before rows without, then time, duration, energy, a hash of all that
-- was given (not of what is derived from it).
CREATE OR REPLACE TEMP MACRO run_rank(source, status, energy_kwh, ended_at, duration_s, content_hash) AS struct_pack(
    is_ours := source <> 'csv',
    has_ended := status <> 'interrupted',
    has_energy := energy_kwh IS NOT NULL,
    ended_at := ended_at,
    duration_s := duration_s,
    energy_kwh := coalesce(energy_kwh, -1),
    content_hash := content_hash
);
CREATE OR REPLACE TEMP TABLE hashed AS
SELECT *, md5(json_merge_patch('{}', json_merge_patch(to_json(stage), '{
    "sha256": null, "line": null, "energy_low_kwh": null, "energy_high_kwh": null, "quality": null,
    "emissions_low_kg": null, "emissions_high_kg": null,
    "carbon_intensity_low_g_per_kwh": null, "carbon_intensity_high_g_per_kwh": null
}'))::VARCHAR) AS content_hash
FROM stage;
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT *, run_rank(source, status, energy_kwh, ended_at, duration_s, content_hash) AS rank
FROM hashed;
CREATE OR REPLACE TEMP TABLE best AS
SELECT ranked.* EXCLUDE (rank), file.source_file
FROM ranked
JOIN inbox_file AS file USING (sha256)
LEFT JOIN core.run AS known USING (run_id)
WHERE known.run_id IS NULL OR ranked.rank > run_rank(
    known.source, known.status, known.energy_kwh, known.ended_at, known.duration_s, known.content_hash
)
QUALIFY row_number() OVER (PARTITION BY ranked.run_id ORDER BY ranked.rank DESC, ranked.sha256, ranked.line) = 1;
-- Imported runs of which there was more than one state, here or before.
CREATE OR REPLACE TEMP TABLE cumulative AS
SELECT run_id
FROM (
    SELECT run_id, content_hash FROM ranked WHERE source = 'csv'
    UNION
    SELECT run_id, content_hash FROM core.run SEMI JOIN ranked USING (run_id) WHERE source = 'csv'
)
GROUP BY run_id
HAVING count(*) > 1;
