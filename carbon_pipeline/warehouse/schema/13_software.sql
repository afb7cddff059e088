CREATE OR REPLACE VIEW core.software AS
SELECT DISTINCT software_id, os, distribution, distribution_version, python_version, codecarbon_version
FROM raw.context;
COMMENT ON VIEW core.software IS 'Operating systems and versions under which runs took place (BoAmps: system, software).';
COMMENT ON COLUMN core.software.software_id IS 'Key, made from all other columns.';
