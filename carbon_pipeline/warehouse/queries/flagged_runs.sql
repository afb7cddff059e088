-- The runs that come from the files with the numbers $files, by file and flags.
SELECT file_no, flags, count(*) AS runs
FROM core.run
WHERE file_no IN (SELECT unnest($files::INTEGER[]))
GROUP BY ALL;
