"""Measuring one piece of work: the meter, the record of what it saw, and the landing of that record.

Nothing here knows Dagster (but the decorator, which meets it) or the warehouse.
"""
