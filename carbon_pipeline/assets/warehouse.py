"""The warehouse's core tables. What is loaded and how is settled in `warehouse/`."""

import dagster as dg

from carbon_pipeline.assets.metadata import FRESH, GROUP, OWNERS, column_schema, table_metadata
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.batch import refusals


# Waiting for another writer is no failure: the next attempt finds the warehouse free.
@dg.asset(
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    pool="warehouse",
    deps=["field_record"],
    freshness_policy=FRESH,
    retry_policy=dg.RetryPolicy(max_retries=2, delay=10),
)
def runs(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """What has landed or was dropped into the inbox, normalised into the tables of `core`: one row per run."""
    opened = warehouse.open()
    results = opened.load()
    for sentence in refusals(results):
        context.log.warning(sentence)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": opened.count(),
            "dagster/table_name": "core.run",
            "dagster/column_schema": column_schema(opened.columns()),
            "database": dg.MetadataValue.path(opened.path.resolve()),
            "files_loaded": len(results),
            "rows_loaded": sum(result.rows_loaded for result in results),
            "rows_superseded": sum(result.rows_superseded for result in results),
            "rows_quarantined": sum(result.rows_quarantined for result in results),
            "latest": table_metadata(opened.latest(5)),
        }
    )


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, pool="warehouse", deps=["runs"])
def landing_archive(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The loaded records of past days, put together: one Parquet file for each day in place of one file per record."""
    opened = warehouse.open()
    compacted = opened.compact()
    return dg.MaterializeResult(
        metadata={
            "records": compacted.records,
            "files": [str(path) for path in compacted.archives],
            "folder": dg.MetadataValue.path((opened.data_dir / "landing").resolve()),
        }
    )
