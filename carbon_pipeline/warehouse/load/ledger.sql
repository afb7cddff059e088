-- A file that an earlier version refused may be taken now.
DELETE FROM raw.loaded_file
WHERE format = 'refused' AND (source_file, sha256) IN (SELECT (source_file, sha256) FROM inbox_file);
INSERT INTO raw.loaded_file BY NAME
WITH staged AS (
    SELECT file_no, count(*) AS rows, count(row_no) AS rows_in_raw FROM codecarbon_row GROUP BY ALL
    UNION ALL
    SELECT file_no, count(*), count(*) FROM record_row GROUP BY ALL
), lost AS (
    SELECT file_no, count(*) AS rows FROM superseded GROUP BY ALL
), quarantined AS (
    SELECT file_no, count(*) AS rows FROM refused GROUP BY ALL
)
SELECT
    source_file, sha256, format, note, kept, fingerprint, rows_read,
    coalesce(staged.rows, 0) - coalesce(lost.rows, 0) AS rows_loaded,
    coalesce(lost.rows, 0) AS rows_superseded,
    coalesce(quarantined.rows, 0) AS rows_quarantined,
    CASE WHEN staged.rows_in_raw = 0 THEN coalesce(lost.rows, 0) ELSE coalesce(staged.rows_in_raw, 0) END AS rows_in_raw
FROM inbox_file
LEFT JOIN staged USING (file_no)
LEFT JOIN lost USING (file_no)
LEFT JOIN quarantined USING (file_no);
-- Files of earlier loads, some of whose rows have been replaced now; of several versions of a file, any one.
UPDATE raw.loaded_file
SET rows_replaced = rows_replaced + replaced.rows
FROM (
    SELECT source_file, count(*) AS rows, any_value(version.sha256) AS sha256
    FROM replaced
    JOIN (SELECT source_file, arg_max(sha256, rows_loaded - rows_replaced) AS sha256 FROM raw.loaded_file GROUP BY ALL)
        AS version USING (source_file)
    WHERE by_another
    GROUP BY ALL
) AS replaced
WHERE loaded_file.source_file = replaced.source_file AND loaded_file.sha256 = replaced.sha256;
