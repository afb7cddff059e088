"""The asset `landing_archive`: the landed records of past days as Parquet files."""

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import GROUP, OWNERS, WAREHOUSE_POOL
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource


def landing_archive_asset(names: Names) -> dg.AssetsDefinition:
    """Make the asset `landing_archive`."""

    @dg.asset(
        key=names.key("landing_archive"),
        group_name=names.name(GROUP),
        kinds={"parquet"},
        owners=OWNERS,
        pool=WAREHOUSE_POOL,
        deps=[names.key("runs")],
    )
    def landing_archive(carbon_warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
        """The loaded records of past days: one Parquet file for each day in place of one file per record."""
        opened = carbon_warehouse.open()
        compacted = opened.compact()
        return dg.MaterializeResult(
            metadata={
                "records": compacted.records,
                "files": [str(path) for path in compacted.archives],
                "folder": dg.MetadataValue.path((opened.data_dir / "landing").resolve()),
            }
        )

    return landing_archive
