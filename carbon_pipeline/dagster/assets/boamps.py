"""The asset `boamps_reports`: one BoAmps report per run, as files. How they are made: `boamps/`."""

import dagster as dg

from carbon_pipeline.boamps.export import FOLDER, export_all
from carbon_pipeline.dagster.assets.attributes import FRESH, GROUP, OWNERS
from carbon_pipeline.dagster.resources.report_context import ReportContextResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import table_metadata

REASONS_SHOWN = 10


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
    exported = export_all(opened, report_context.read(), folder)
    for reason, runs in list(exported.reasons.items())[:REASONS_SHOWN]:
        context.log.warning("%d runs have no BoAmps report; %s", runs, reason)
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
                [{"runs": runs, "reason": reason} for reason, runs in exported.reasons.items()][:REASONS_SHOWN]
            ),
        }
    )
