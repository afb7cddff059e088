"""The asset `daily_report`: the runs of each day as a CSV file, a partition for each day.

https://docs.dagster.io/guides/build/partitions-and-backfills
"""

import warnings

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import DAYS_GROUP, OWNERS
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.daily_report import write_days

DAYS = dg.DailyPartitionsDefinition(start_date="2019-01-01", timezone="UTC")
"""CodeCarbon's first files are of 2019."""


def _daily_report(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The runs of each day (UTC), one CSV file for each partition in `data/reports/daily/`."""
    days = list(context.partition_keys)
    written = write_days(warehouse.open(), days)
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(written.folder.resolve()),
            "days": len(days),
            "dagster/partition_row_count": written.runs,
            **({} if written.energy_kwh is None else {"carbon/energy_kwh": written.energy_kwh}),
        }
    )


with warnings.catch_warnings():  # Dagster's own: backfill policies may still change
    warnings.simplefilter("ignore", dg.BetaWarning)
    daily_report = dg.asset(
        name="daily_report",
        group_name=DAYS_GROUP,
        kinds={"csv"},
        owners=OWNERS,
        deps=["runs"],
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )(_daily_report)
