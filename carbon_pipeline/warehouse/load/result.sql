-- What became of the files of this load, in the order in which they were given.
SELECT
    ledger.source_file, ledger.rows_read, ledger.rows_loaded, ledger.rows_superseded, ledger.rows_quarantined,
    coalesce(ledger.note, '') AS note, ledger.format = 'refused' AS is_refused
FROM inbox_file AS file
JOIN raw.loaded_file AS ledger USING (source_file, sha256)
ORDER BY file.file_no;
