"""The resource `warehouse`: the DuckDB files in the data folder."""

import dagster as dg
from pydantic import Field

from carbon_pipeline.settings import read_settings
from carbon_pipeline.warehouse.warehouse import Warehouse


class WarehouseResource(dg.ConfigurableResource[None]):
    """Hands out the warehouse. Assets that write it belong into the pool `warehouse`.

    Example:
        >>> WarehouseResource(data_dir="data").open().frame("FROM report.runs")
    """

    data_dir: str | None = Field(default=None, description="Data folder; default CARBON_DATA_DIR, else `data`.")
    timeout_s: float = Field(default=120.0, gt=0, description="How long to wait for another writer, seconds.")

    def open(self) -> Warehouse:
        """The warehouse in the data folder. No file is opened yet.

        Returns:
            The warehouse.
        """
        return Warehouse(read_settings(data_dir=self.data_dir).data_dir, self.timeout_s)
