INSERT INTO direct_file SELECT $file_no, min(rowid) FROM staged WHERE file_no = $file_no;
