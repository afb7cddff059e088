-- How the CPU's energy of the runs of some files was obtained, the most frequent method first.
SELECT cpu_method, count(*) AS runs
FROM report.runs
WHERE source_file IN (SELECT unnest($files)) AND method_source <> 'recorded'
GROUP BY cpu_method
ORDER BY runs DESC, cpu_method;
