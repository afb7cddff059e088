"""The domain as plain values: run records, flags, the 33 fields, energy intervals, budgets, comparisons of runs.

Pure functions and types. Nothing here measures, opens files, uses the network, or depends on Dagster or DuckDB.
"""
