-- raw: what came in, as it came in, with file and line.
CREATE SCHEMA raw;
-- core: the runs, normalised after the BoAmps datamodel.
CREATE SCHEMA core;
-- report: views to query; report.runs is the one to start from.
CREATE SCHEMA report;
