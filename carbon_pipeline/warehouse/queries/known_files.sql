SELECT sha256 FROM raw.loaded_file;
