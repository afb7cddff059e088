SELECT count(*) AS rows FROM codecarbon_row ANTI JOIN raw_kind USING (file_no, kind) WHERE file_no = $file_no;
