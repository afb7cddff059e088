CREATE OR REPLACE VIEW report.files AS
WITH measured AS (
    SELECT file_no, count(*) FILTER (is_current) AS rows_loaded, count(*) FILTER (NOT is_current) AS rows_superseded
    FROM raw.measurement
    GROUP BY file_no
), quarantined AS (
    SELECT file_no, count(*) AS rows_quarantined FROM raw.quarantine GROUP BY file_no
)
SELECT
    file.file_no,
    file.source_file,
    file.rows_read,
    CASE WHEN file.same_as IS NULL THEN coalesce(rows_loaded, 0) ELSE 0 END AS rows_loaded,
    coalesce(rows_superseded, 0) + CASE WHEN file.same_as IS NULL THEN 0 ELSE coalesce(rows_loaded, 0) END AS rows_superseded,
    coalesce(rows_quarantined, 0) AS rows_quarantined,
    file.format,
    file.note,
    file.loaded_at
FROM raw.loaded_file AS file
LEFT JOIN measured ON measured.file_no = coalesce(file.same_as, file.file_no)
LEFT JOIN quarantined ON quarantined.file_no = coalesce(file.same_as, file.file_no)
ORDER BY file.file_no;
COMMENT ON VIEW report.files IS 'Every file that was loaded, and what became of its rows: read = loaded + superseded + quarantined.';
COMMENT ON COLUMN report.files.rows_loaded IS 'Rows that count: each is the current state of a run.';
COMMENT ON COLUMN report.files.rows_superseded IS 'Rows of runs for which another row counts.';
COMMENT ON COLUMN report.files.rows_quarantined IS 'Rows that were rejected; see report.quarantine.';
