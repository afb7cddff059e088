"""The asset `daily_report`: the runs of each day as a CSV file, a partition for each day.

https://docs.dagster.io/guides/build/partitions-and-backfills
"""

import warnings

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import DAYS_GROUP, OWNERS
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import shown
from carbon_pipeline.warehouse.daily_report import write_days

DAYS = dg.DailyPartitionsDefinition(start_date="2019-01-01", timezone="UTC")
"""CodeCarbon's first files are of 2019."""


def daily_report_asset(names: Names) -> dg.AssetsDefinition:
    """Make the asset `daily_report`."""
    key = names.key("daily_report")

    def daily_report(
        context: dg.AssetExecutionContext, carbon_warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """The runs of each day (UTC), one CSV file for each partition in `data/reports/daily/`."""
        days = list(context.partition_keys)
        written = write_days(carbon_warehouse.open(), days)
        for day in written:  # each partition its own: what the result has would be every partition's
            known = {} if day.energy_kwh is None else {"carbon/energy_kwh": shown(day.energy_kwh)}
            context.add_asset_metadata(
                {"file": dg.MetadataValue.path(day.path.resolve()), "dagster/partition_row_count": day.runs, **known},
                asset_key=key,
                partition_key=day.day,
            )
        return dg.MaterializeResult()

    with warnings.catch_warnings():  # Dagster's own: backfill policies may still change
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.asset(
            key=key,
            group_name=names.name(DAYS_GROUP),
            kinds={"csv"},
            owners=OWNERS,
            deps=[names.key("runs")],
            partitions_def=DAYS,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )(daily_report)
