"""What all assets of this package have in common in the UI: group, owners, freshness, and where their tables are."""

from datetime import timedelta
from typing import Any

import dagster as dg

GROUP = "carbon_pipeline"
"""One group for all: the UI folds groups up, and the graph is small."""

DAYS_GROUP = "carbon_pipeline_days"
"""The group of assets with partitions: with them in it, a group cannot be materialized as a whole."""

OWNERS = ["team:carbon_pipeline"]
"""The owners that the UI names; your own definitions can name others."""

FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3), warn_window=timedelta(hours=36))
"""How fresh warehouse and reports should be: the interval of the daily schedule, and half a day or two days more."""

WAREHOUSE_POOL = "carbon_warehouse"
"""Pool of the steps that write the warehouse: one after the other, they wait for no lock."""

METER_POOL = "carbon_meter"
"""Pool of the steps that measure: two at a time would each measure the energy of the whole machine."""


def table(name: str, database: str) -> dict[str, Any]:
    """Metadata of an asset that is a table of DuckDB, known before its first run.

    Args:
        name: of the table or view, with its schema.
        database: the file's name in the data folder.
    """
    return {
        "dagster/table_name": name,
        "dagster/storage_kind": "duckdb",
        "dagster/uri": f"duckdb://$CARBON_DATA_DIR/{database}",
    }
