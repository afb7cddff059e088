"""The domain as plain values: the record of a run, its flags, the 33 fields, the interval of an energy, comparisons.

Pure functions and types. Nothing here measures, opens a file, asks the network, or knows Dagster or DuckDB.
"""
