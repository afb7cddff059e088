-- The latest runs that have a curve: the last $most, and the last one of each project, $most_in_all at most.
SELECT run_id
FROM core.run
SEMI JOIN raw.curve ON curve.file_no = run.file_no AND curve.line = run.source_line
WHERE $project IS NULL OR project_name = $project
QUALIFY row_number() OVER (ORDER BY ended_at DESC, run_id) <= $most
    OR row_number() OVER (PARTITION BY project_name ORDER BY ended_at DESC, run_id) = 1
ORDER BY ended_at DESC, run_id
LIMIT $most_in_all;
