-- Rows of core whose place another one takes, or whose flags say more now.
CREATE OR REPLACE TEMP TABLE replaced AS
SELECT winner.run_id, known.source_file, winner.is_known IS NULL AS by_another
FROM winner
JOIN contender AS known ON known.run_id = winner.run_id AND known.is_known
WHERE winner.is_known IS NULL OR winner.flags <> winner.flags_before;
DELETE FROM core.run WHERE run_id IN (SELECT run_id FROM replaced);
INSERT INTO core.run BY NAME
SELECT * EXCLUDE (row_no, file_no, is_known, flags_before)
FROM winner
WHERE is_known IS NULL OR flags <> flags_before;
