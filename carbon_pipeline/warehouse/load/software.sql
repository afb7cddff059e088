INSERT INTO core.software
SELECT DISTINCT software_id, os, python_version, codecarbon_version
FROM keyed
ON CONFLICT DO NOTHING;
