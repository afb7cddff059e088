-- Files that are read again, in another time zone: what was read of them before is dropped.
CREATE OR REPLACE TEMP TABLE replaced AS SELECT unnest($files::INTEGER[]) AS file_no;
