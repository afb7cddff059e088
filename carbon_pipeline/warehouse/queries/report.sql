SELECT * FROM query_table($view) LIMIT $limit;
