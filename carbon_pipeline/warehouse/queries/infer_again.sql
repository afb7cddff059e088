-- How rows that are in the warehouse were measured, anew after a change of what is inferred.
UPDATE raw.measurement
SET inferred_method = found.inferred_method
FROM (
    SELECT
        m.rowid AS row,
        core.cpu_method_of(cpu_kwh, file_cpu_w, measured_s, pue, file_cpu_utilization, counter, constants_w, loads_w, has_floor)
            AS inferred_method
    FROM (SELECT *, rowid FROM raw.measurement) AS m
    JOIN raw.context AS c USING (context_no)
    JOIN raw.coefficients AS k ON k.context_no = m.context_no AND k.inferred_method = 'unknown'
    WHERE c.cpu_method = 'unknown'
) AS found
WHERE measurement.rowid = found.row AND measurement.inferred_method <> found.inferred_method;
