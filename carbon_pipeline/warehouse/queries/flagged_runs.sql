-- The runs that come from the files with the numbers $files, by file and flags; as text, since lists are slow to group.
SELECT file_no, string_split(joined, ',') AS flags, runs
FROM (
    SELECT file_no, array_to_string(flags, ',') AS joined, count(*) AS runs
    FROM core.run
    JOIN raw.measurement USING (run_id)
    WHERE is_current AND file_no IN (SELECT unnest($files::INTEGER[]))
    GROUP BY ALL
)
WHERE joined <> '';
