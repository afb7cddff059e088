INSERT INTO core.software BY NAME
SELECT software_id, os, distribution, distribution_version, python_version, codecarbon_version FROM kind
UNION
SELECT software_id, os, distribution, distribution_version, python_version, codecarbon_version FROM record_dimension
ON CONFLICT DO NOTHING;
