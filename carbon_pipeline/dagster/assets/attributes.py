"""What all assets of this package have in common in the UI: group, owners, freshness."""

from datetime import timedelta

import dagster as dg

GROUP = "carbon_pipeline"
"""One group for all: the UI folds groups up, and the graph is small."""

DAYS_GROUP = "carbon_pipeline_days"
"""The group of assets with partitions: with them in it, a group cannot be materialized as a whole."""

OWNERS = ["team:carbon_pipeline"]
"""The owners that the UI names; your own definitions can name others."""

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3), warn_window=timedelta(hours=36))
"""How fresh warehouse and reports should be: the interval of the daily schedule, and half a day or two days more."""
