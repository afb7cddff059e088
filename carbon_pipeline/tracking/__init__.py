"""Measurement of one run: the meter, the record of its readings, and the landing of that record.

Nothing here imports Dagster or the warehouse.
"""
