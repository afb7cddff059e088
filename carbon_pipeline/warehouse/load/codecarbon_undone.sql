-- A large file that has to be read row by row after all.
DELETE FROM codecarbon_row WHERE file_no = $file_no;
