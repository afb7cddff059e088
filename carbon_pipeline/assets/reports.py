"""The published reports: what people query, and BoAmps' files. The views themselves are in `warehouse/reports/`."""

import dagster as dg

from carbon_pipeline.assets.metadata import GROUP, table_metadata
from carbon_pipeline.boamps.export import FOLDER, export_all
from carbon_pipeline.resources.report_context import ReportContextResource
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.migrate import AGGREGATES

PREVIEW_ROWS = 10


@dg.asset(group_name=GROUP, kinds={"duckdb"}, deps=["runs"])
def reports(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The views of `report` in `data/reports.duckdb`, the copy for readers that each load swaps in whole."""
    opened = warehouse.open()
    previews = {name: opened.report(name, PREVIEW_ROWS) for name in AGGREGATES}
    return dg.MaterializeResult(
        metadata={
            "database": dg.MetadataValue.path(opened.reports_path.resolve()),
            "dagster/row_count": opened.count(),
            **{name: table_metadata(rows) for name, rows in previews.items()},
        }
    )


@dg.asset(group_name=GROUP, kinds={"json", "parquet"}, deps=["runs"])
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
