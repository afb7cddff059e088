INSERT INTO raw.loaded_file (source_file, sha256, format, rows_read, rows_loaded, rows_superseded, rows_quarantined)
SELECT
    file.source_file, file.sha256, file.format, file.rows_read,
    coalesce(loaded.rows, 0), coalesce(staged.rows, 0) - coalesce(loaded.rows, 0), coalesce(quarantined.rows, 0)
FROM inbox_file AS file
LEFT JOIN (SELECT sha256, count(*) AS rows FROM best GROUP BY ALL) AS loaded USING (sha256)
LEFT JOIN (SELECT sha256, count(*) AS rows FROM stage GROUP BY ALL) AS staged USING (sha256)
LEFT JOIN (SELECT sha256, count(*) AS rows FROM refused GROUP BY ALL) AS quarantined USING (sha256);
