SELECT
    run_id,
    project_name,
    task,
    to_json({
        'header': header, 'measures': measures, 'system': system, 'software': software, 'infrastructure': infrastructure,
        'environment': environment, 'quality': quality, 'description': description
    })::VARCHAR AS machine
FROM report.boamps
WHERE run_id = coalesce($run_id, run_id)
ORDER BY header.reportDatetime, run_id;
