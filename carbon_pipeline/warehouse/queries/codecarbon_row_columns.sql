SELECT column_name FROM duckdb_columns() WHERE table_name = 'codecarbon_row' AND database_name = 'temp';
