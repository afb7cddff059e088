"""The DuckDB warehouse: opening, schema, loading, reports, publishing. The only place that knows SQL.

`raw` holds what came in as it came in, `core` the normalised tables, `report` the views that people query.
"""
