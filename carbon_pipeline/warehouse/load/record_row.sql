-- Landed records: their names are the columns' names. $columns is a JSON object of the names and types of those that core has.
CREATE OR REPLACE TEMP TABLE record_row AS
SELECT row_no, inbox_row.file_no, line, unnest(from_json(record, $columns))
FROM inbox_row
JOIN inbox_file AS file USING (file_no)
WHERE file.format = 'record';
