SELECT source_file FROM raw.loaded_file WHERE format = 'record' AND rows_quarantined = 0;
