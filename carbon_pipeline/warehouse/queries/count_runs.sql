SELECT count(*) AS runs FROM raw.measurement WHERE is_current;
