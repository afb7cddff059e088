SELECT coalesce(max(rowid) + 1, 0) AS rows FROM staged;
