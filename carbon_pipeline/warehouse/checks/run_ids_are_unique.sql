SELECT run_id, count(*) AS runs
FROM core.run
GROUP BY run_id
HAVING count(*) > 1 OR run_id = '5b0fa12a-3dd7-45bb-9766-cc326314d9f1';
