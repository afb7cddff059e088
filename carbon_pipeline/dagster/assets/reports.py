"""The asset `reports`: the published views that people query. The views themselves are in `warehouse/reports/`."""

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import FRESH, GROUP, OWNERS
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import column_schema, table_metadata
from carbon_pipeline.warehouse.schema import AGGREGATES

PREVIEW_ROWS = 10


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
