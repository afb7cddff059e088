"""The published reports: what people query, and BoAmps' files. The views themselves are in `warehouse/reports/`."""

import warnings

import dagster as dg

from carbon_pipeline.assets.metadata import DAYS_GROUP, FRESH, GROUP, OWNERS, column_schema, table_metadata
from carbon_pipeline.boamps.export import FOLDER, export_all
from carbon_pipeline.resources.report_context import ReportContextResource
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.daily_report import write_days
from carbon_pipeline.warehouse.migrate import AGGREGATES

PREVIEW_ROWS = 10

DAYS = dg.DailyPartitionsDefinition(start_date="2019-01-01", timezone="UTC")
"""CodeCarbon's first files are of 2019."""


@dg.asset(
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    deps=["runs"],
    automation_condition=dg.AutomationCondition.eager(),
    freshness_policy=FRESH,
)
def reports(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The views of `report` in `data/reports.duckdb`, the copy for readers that each load swaps in whole."""
    opened = warehouse.open()
    previews = {name: opened.report(name, PREVIEW_ROWS) for name in AGGREGATES}
    return dg.MaterializeResult(
        metadata={
            "database": dg.MetadataValue.path(opened.reports_path.resolve()),
            "dagster/row_count": opened.count(),
            "dagster/table_name": "report.runs",
            "dagster/column_schema": column_schema(opened.columns("report", "runs")),
            **{name: table_metadata(rows) for name, rows in previews.items()},
        }
    )


@dg.asset(
    group_name=GROUP,
    kinds={"json", "parquet"},
    owners=OWNERS,
    deps=["runs"],
    automation_condition=dg.AutomationCondition.eager(),
    freshness_policy=FRESH,
)
def boamps_reports(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, report_context: ReportContextResource
) -> dg.MaterializeResult[None]:
    """One BoAmps report for each run, in `data/reports/boamps/`, and all of them in one table as Parquet and CSV.

    A run that lacks what only a person can know, or whose numbers are not plausible, has no report; it is listed with
    the reason.
    """
    opened = warehouse.open()
    folder = opened.data_dir / FOLDER
    exported = export_all(opened.machine_reports(), report_context.read(), folder, opened.write_parquet)
    for reason, runs in list(exported.reasons.items())[:PREVIEW_ROWS]:
        context.log.warning(f"{runs} runs have no BoAmps report; {reason}")
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(folder.resolve()),
            "tables": [str(path.resolve()) for path in exported.tables],
            "dagster/row_count": exported.reports,
            "written": exported.written,
            "unchanged": exported.unchanged,
            "removed": exported.removed,
            "incomplete": len(exported.incomplete),
            "why_incomplete": table_metadata(
                [{"runs": runs, "reason": reason} for reason, runs in exported.reasons.items()][:PREVIEW_ROWS]
            ),
        }
    )


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
