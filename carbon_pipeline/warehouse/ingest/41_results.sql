-- What became of the files of this load, in the order in which they were given.
SELECT file_no, source_file, rows_read, rows_loaded, rows_superseded, rows_quarantined, coalesce(note, '') AS note, format
FROM report.files
WHERE file_no IN (SELECT file_no FROM new_file)
ORDER BY file_no;
