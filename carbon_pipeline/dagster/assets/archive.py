"""The asset `landing_archive`: the landed records of past days as Parquet files."""

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import GROUP, OWNERS
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, pool="warehouse", deps=["runs"])
def landing_archive(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """The loaded records of past days: one Parquet file for each day in place of one file per record."""
    opened = warehouse.open()
    compacted = opened.compact()
    return dg.MaterializeResult(
        metadata={
            "records": compacted.records,
            "files": [str(path) for path in compacted.archives],
            "folder": dg.MetadataValue.path((opened.data_dir / "landing").resolve()),
        }
    )
