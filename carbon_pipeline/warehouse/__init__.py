"""The DuckDB warehouse: opening, migrations, loading, reports, publishing. The only place that knows SQL.

`raw` holds what came in as it came in, `core` the normalised tables, `report` the views that people query.
"""
