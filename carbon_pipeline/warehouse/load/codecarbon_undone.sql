DELETE FROM codecarbon_row WHERE file_no = $file_no;
