SELECT rows_read, rows_quarantined FROM raw.loaded_file WHERE sha256 = $sha256 LIMIT 1;
