-- What became of the files with the numbers $files.
SELECT file_no, source_file, rows_read, rows_loaded, rows_superseded, rows_quarantined, coalesce(note, '') AS note, format
FROM report.files
WHERE file_no IN (SELECT unnest($files::INTEGER[]));
