"""The asset `boamps_reports`: one BoAmps report per run, as files. How they are made: `boamps/`."""

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import FRESH, GROUP, OWNERS
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.report_context import ReportContextResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import table_metadata

REASONS_SHOWN = 10


def boamps_reports_asset(names: Names) -> dg.AssetsDefinition:
    """Make the asset `boamps_reports`."""

    @dg.asset(
        key=names.key("boamps_reports"),
        group_name=names.name(GROUP),
        kinds={"json", "parquet"},
        owners=OWNERS,
        deps=[names.key("runs")],
        automation_condition=dg.AutomationCondition.eager(),
        freshness_policy=FRESH,
    )
    def boamps_reports(
        context: dg.AssetExecutionContext,
        carbon_warehouse: WarehouseResource,
        carbon_report_context: ReportContextResource,
    ) -> dg.MaterializeResult[None]:
        """One BoAmps report for each run, in `data/reports/boamps/`, and all of them in one table as Parquet and CSV.

        A run that lacks what only a person can know, or whose numbers are not plausible, has no report; it is listed
        with the reason.
        """
        from carbon_pipeline.boamps.export import FOLDER, export_all  # only the steps that write reports import it

        opened = carbon_warehouse.open()
        folder = opened.data_dir / FOLDER
        exported = export_all(opened, carbon_report_context.read(), folder)
        for reason, runs in list(exported.reasons.items())[:REASONS_SHOWN]:
            context.log.warning("%d runs have no BoAmps report; %s", runs, reason)
        return dg.MaterializeResult(
            metadata={
                "why_incomplete": table_metadata(
                    [{"runs": runs, "reason": reason} for reason, runs in exported.reasons.items()][:REASONS_SHOWN]
                ),
                "incomplete": len(exported.incomplete),
                "written": exported.written,
                "unchanged": exported.unchanged,
                "removed": exported.removed,
                "folder": dg.MetadataValue.path(folder.resolve()),
                "tables": [str(path.resolve()) for path in exported.tables],
                "dagster/row_count": exported.reports,
            }
        )

    return boamps_reports
