SELECT count(*) AS runs FROM core.run;
