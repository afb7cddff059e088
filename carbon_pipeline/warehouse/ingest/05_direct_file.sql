INSERT INTO direct_file VALUES ($file_no, $first_row);
