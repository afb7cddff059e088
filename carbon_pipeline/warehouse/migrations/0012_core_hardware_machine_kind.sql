ALTER TABLE core.hardware ADD COLUMN machine_kind VARCHAR;
COMMENT ON COLUMN core.hardware.machine_kind IS 'laptop, desktop, server or virtual.';
