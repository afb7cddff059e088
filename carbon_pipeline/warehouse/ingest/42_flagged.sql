-- The runs that come from files of this load, by file and flags; as text, since lists are slow to group.
SELECT source_file, string_split(joined, ',') AS flags, runs
FROM (
    SELECT source_file, array_to_string(flags, ',') AS joined, count(*) AS runs
    FROM core.run
    WHERE source_file IN (SELECT source_file FROM new_file)
    GROUP BY ALL
)
WHERE joined <> '';
