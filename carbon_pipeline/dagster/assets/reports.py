"""The asset `reports`: the published views that people query. The views themselves are in `warehouse/reports/`."""

import base64
from typing import Any

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import FRESH, GROUP, OWNERS, table
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import table_metadata
from carbon_pipeline.warehouse.schema import AGGREGATES

PREVIEW_ROWS = 10
PICTURE_DAYS = 30
LAST = ("duration_s", "energy_low_kwh", "energy_high_kwh", "emissions_low_kg", "emissions_high_kg")
"""Columns behind the name, the number of runs, their energy and their emissions."""
HIDDEN = "asset_key"
"""The name beside it says the same."""


def reports_asset(names: Names) -> dg.AssetsDefinition:
    """Make the asset `reports`."""

    @dg.asset(
        key=names.key("reports"),
        group_name=names.name(GROUP),
        kinds={"duckdb"},
        owners=OWNERS,
        deps=[names.key("runs")],
        metadata=table("report.runs", "reports.duckdb"),
        automation_condition=dg.AutomationCondition.eager(),
        freshness_policy=FRESH,
    )
    def reports(carbon_warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        """The views of `report` in `data/reports.duckdb`, the copy for readers that each load swaps in whole."""
        from carbon_pipeline.report.vega import energy_by_day

        opened = carbon_warehouse.open()
        previews = {name: opened.report(name, PREVIEW_ROWS) for name in AGGREGATES}
        return dg.MaterializeResult(
            metadata={
                **_picture(energy_by_day(opened.report("daily")[-PICTURE_DAYS:])),
                **{
                    name: table_metadata(
                        [{key: row[key] for key in sorted(row, key=_rank) if key != HIDDEN} for row in rows]
                    )
                    for name, rows in previews.items()
                },
                "database": dg.MetadataValue.path(opened.reports_path.resolve()),
                "dagster/row_count": opened.count(),
            }
        )

    return reports


def _picture(svg: str | None) -> dict[str, Any]:
    if svg is None:
        return {}
    data = base64.b64encode(svg.encode()).decode()
    return {"energy_by_day": dg.MetadataValue.md(f"![energy by day](data:image/svg+xml;base64,{data})")}


def _rank(column: str) -> int:
    return LAST.index(column) if column in LAST else -1
