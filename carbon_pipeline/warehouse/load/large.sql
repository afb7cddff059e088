-- The large file that codecarbon_large.sql reads: path, columns.
SET VARIABLE large = $large;
