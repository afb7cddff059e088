-- What belongs to each run; $rows is a JSON array of objects.
UPDATE raw.measurement
SET attributed_share = found.attributed_share,
    attributed_idle_share = found.attributed_idle_share,
    attributed_wall_share = found.attributed_wall_share,
    attribution_method = found.attribution_method,
    day_shares = found.day_shares
FROM (
    SELECT unnest(from_json($rows, '[{
        "row": "BIGINT", "attributed_share": "DOUBLE", "attributed_idle_share": "DOUBLE", "attributed_wall_share": "DOUBLE",
        "attribution_method": "VARCHAR",
        "day_shares": ["DOUBLE"]
    }]'), recursive := true)
) AS found
WHERE measurement.rowid = found.row
    AND (measurement.attributed_share, measurement.attributed_idle_share, measurement.attributed_wall_share,
        measurement.attribution_method, measurement.day_shares)
        IS DISTINCT FROM (found.attributed_share, found.attributed_idle_share, found.attributed_wall_share,
        found.attribution_method, found.day_shares);
