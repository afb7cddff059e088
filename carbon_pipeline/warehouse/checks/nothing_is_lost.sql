-- Every row of every file is a measurement or in quarantine, and every measured run has a measurement that counts.
SELECT source_file, rows_read, rows_loaded, rows_superseded, rows_quarantined
FROM report.files
WHERE rows_read <> rows_loaded + rows_superseded + rows_quarantined
UNION ALL
SELECT run_id, count(*), count(*) FILTER (is_current), 0, 0
FROM raw.measurement
GROUP BY run_id
HAVING count(*) FILTER (is_current) <> 1;
