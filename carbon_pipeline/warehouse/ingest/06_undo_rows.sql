-- A file that has to be read row by row after all.
DELETE FROM staged WHERE rowid >= $first;
