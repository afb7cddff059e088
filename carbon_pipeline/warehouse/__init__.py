"""The DuckDB warehouse: opening, schema, loading, reports, publishing. The only place that knows SQL.

`raw` holds what was measured, `core` what follows from it, one row per run, `report` the views that people query.
"""
