"""The asset `report_page`: the page that people look at. What is in it: `report/`."""

from collections.abc import Iterator

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import FRESH, GROUP, OWNERS
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import shown


def report_page_asset(names: Names) -> dg.AssetsDefinition:
    """Make the asset `report_page`."""

    @dg.asset(
        key=names.key("report_page"),
        group_name=names.name(GROUP),
        kinds={"html", "vega"},
        owners=OWNERS,
        deps=[names.key("reports"), names.key("boamps_reports")],
        automation_condition=dg.AutomationCondition.eager(),
        freshness_policy=FRESH,
        output_required=False,
    )
    def report_page(
        context: dg.AssetExecutionContext, carbon_warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        """`data/reports/index.html`: one file that opens in a browser without a network. Needs the extra `report`."""
        from carbon_pipeline.report.page import write_page
        from carbon_pipeline.report.vega import ExtraMissingError

        try:
            page = write_page(carbon_warehouse.open())
        except ExtraMissingError as error:  # a project that does not want the page goes on without
            context.log.warning("no page was written: %s", error)
            return
        yield dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(page.path.resolve()),
                "carbon/runs": page.runs,
                "carbon/total_energy_kwh": shown(page.energy_kwh),
                "bytes": page.bytes,
            }
        )

    return report_page
