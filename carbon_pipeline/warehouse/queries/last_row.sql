SELECT coalesce(max(rowid), -1) AS row FROM core.run;
