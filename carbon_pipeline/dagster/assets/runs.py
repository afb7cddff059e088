"""The asset `runs`: the warehouse's core tables. What is loaded and how is decided in `warehouse/`."""

from collections.abc import Iterable

import dagster as dg

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.dagster.assets.attributes import FRESH, GROUP, OWNERS, WAREHOUSE_POOL, table
from carbon_pipeline.dagster.names import Key, Names, asset_key
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import column_schema, table_metadata
from carbon_pipeline.tracking.landing import passed_over
from carbon_pipeline.warehouse.ingest.load import rejections

SHOWN = ("name", "project_name", "status", "started_at", "duration_s", "energy_kwh", "emissions_kg", "cpu_method",
         "flags", "run_id")  # fmt: skip
"""Columns of the table in the UI."""


def runs_asset(names: Names, upstream: Iterable[Key] = ()) -> dg.AssetsDefinition:
    """Make the asset `runs`, downstream of a project's tracked assets: one launch then loads what they have used."""

    # Waiting for another writer is no failure: the next attempt finds the warehouse free.
    @dg.asset(
        key=names.key("runs"),
        group_name=names.name(GROUP),
        kinds={"duckdb"},
        owners=OWNERS,
        pool=WAREHOUSE_POOL,
        deps=[asset_key(key) for key in upstream],
        metadata=table("core.run", "warehouse.duckdb"),
        freshness_policy=FRESH,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=10),
    )
    def runs(context: dg.AssetExecutionContext, carbon_warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        """What has landed or was placed in the inbox, normalised into the tables of `core`: one row per run."""
        opened = carbon_warehouse.open()
        results = opened.load()
        for sentence in (*rejections(results), *filter(None, [opened.store_error])):
            context.log.warning(sentence)
        for path, reason in passed_over(opened.data_dir):
            context.log.warning("passed over: %s: %s", printable_path(path), reason)
        return dg.MaterializeResult(
            metadata={
                "latest": table_metadata([{name: run[name] for name in SHOWN} for run in opened.latest(5)]),
                "files_loaded": len(results),
                "rows_loaded": sum(result.rows_loaded for result in results),
                "rows_superseded": sum(result.rows_superseded for result in results),
                "rows_quarantined": sum(result.rows_quarantined for result in results),
                "database": dg.MetadataValue.path(opened.path.resolve()),
                "dagster/row_count": opened.count(),
                "dagster/column_schema": column_schema(opened.columns()),
            }
        )

    return runs
