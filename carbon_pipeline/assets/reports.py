"""The published reports: what people query. The views themselves are in `warehouse/reports/`."""

import dagster as dg

from carbon_pipeline.assets.metadata import GROUP, table_metadata
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.migrate import REPORTS

PREVIEW_ROWS = 10


@dg.asset(group_name=GROUP, kinds={"duckdb"}, deps=["runs"])
def reports(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The views of `report` in `data/reports.duckdb`, the copy for readers that each load swaps in whole."""
    opened = warehouse.open()
    previews = {name: opened.report(name, PREVIEW_ROWS) for name in REPORTS if name not in ("runs", "field_mapping")}
    return dg.MaterializeResult(
        metadata={
            "database": dg.MetadataValue.path(opened.reports_path.resolve()),
            "dagster/row_count": opened.count(),
            **{name: table_metadata(rows) for name, rows in previews.items()},
        }
    )
