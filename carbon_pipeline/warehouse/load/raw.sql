CREATE OR REPLACE TEMP TABLE superseded AS
SELECT row_no, file_no FROM ranked WHERE is_known IS NULL AND place > 1;
INSERT INTO raw.record (source_file, sha256, line, run_id, content)
SELECT file.source_file, sha256, row.line, coalesce(csv.run_key, record.run_id), row.content
FROM inbox_row AS row
JOIN inbox_file AS file USING (file_no)
LEFT JOIN codecarbon_row AS csv USING (row_no)
LEFT JOIN record_row AS record USING (row_no);
-- Of a large file, whose copy is kept as it is, those rows that have no run of their own to point at them.
INSERT INTO raw.record (source_file, sha256, line, run_id, content)
SELECT file.source_file, sha256, line, run_key, to_json(struct_pack(*COLUMNS(row.* EXCLUDE (row_no, file_no, line))))
FROM (SELECT * EXCLUDE (kind, bits) FROM numbered_row) AS row
JOIN superseded USING (row_no, file_no)
JOIN inbox_file AS file USING (file_no)
WHERE row_no < 0;
INSERT INTO raw.quarantine (source_file, sha256, line, reason, content)
SELECT file.source_file, sha256, refused.line, refused.reason, refused.content
FROM refused
JOIN inbox_file AS file USING (file_no);
