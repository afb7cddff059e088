SET VARIABLE lines = $lines;
