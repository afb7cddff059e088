INSERT INTO raw.quarantine (file_no, source_file, line, reason, content)
SELECT file_no, source_file, line, reason, content FROM rejected_row JOIN new_file USING (file_no);
-- A file that an earlier version rejected may be imported now.
DELETE FROM raw.loaded_file
WHERE format = 'rejected' AND (source_file, sha256) IN (SELECT (source_file, sha256) FROM new_file);
INSERT INTO raw.loaded_file BY NAME
SELECT new_file.*, coalesce(has_mixed_modes, false) AS has_mixed_modes
FROM new_file
LEFT JOIN (
    SELECT file_no, min(tracking_mode) <> max(tracking_mode) AS has_mixed_modes
    FROM (SELECT DISTINCT file_no, context FROM staged)
    JOIN context_number USING (context)
    GROUP BY file_no
) USING (file_no)
ON CONFLICT (source_file, sha256) DO UPDATE SET
    fingerprint = coalesce(excluded.fingerprint, loaded_file.fingerprint), loaded_at = now();
