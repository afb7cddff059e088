CREATE TABLE core.software (
    software_id UUID PRIMARY KEY,
    os VARCHAR,
    python_version VARCHAR,
    codecarbon_version VARCHAR
);
COMMENT ON TABLE core.software IS 'Operating systems and versions under which runs took place (BoAmps: system, software).';
COMMENT ON COLUMN core.software.software_id IS 'Key, made from all other columns.';
COMMENT ON COLUMN core.software.os IS 'Operating system.';
COMMENT ON COLUMN core.software.python_version IS 'Version of Python.';
COMMENT ON COLUMN core.software.codecarbon_version IS 'Version of CodeCarbon that measured.';
