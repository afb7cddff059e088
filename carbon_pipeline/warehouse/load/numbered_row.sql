-- The rows of a large file are in order, the first one in line 2; their numbers are below zero.
CREATE OR REPLACE TEMP TABLE large_file AS
SELECT file_no, min(rowid) AS first_row FROM codecarbon_row WHERE row_no IS NULL GROUP BY ALL;
CREATE OR REPLACE TEMP VIEW numbered_row AS
SELECT codecarbon_row.* REPLACE (
    coalesce(row_no, -1 - codecarbon_row.rowid) AS row_no,
    coalesce(line, codecarbon_row.rowid - first_row + 2) AS line
)
FROM codecarbon_row
LEFT JOIN large_file USING (file_no);
