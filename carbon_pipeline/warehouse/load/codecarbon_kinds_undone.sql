DELETE FROM raw_kind WHERE file_no = $file_no;
