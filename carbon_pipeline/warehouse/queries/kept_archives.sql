SELECT DISTINCT kept FROM raw.loaded_file WHERE kept IS NOT NULL;
