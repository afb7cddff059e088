"""The resource `carbon_warehouse`: the DuckDB files in the data folder."""

import dagster as dg
from pydantic import Field

from carbon_pipeline.settings import StorageOptions, given, read_settings
from carbon_pipeline.warehouse.warehouse import Warehouse


class WarehouseResource(StorageOptions, dg.ConfigurableResource[None]):
    """Hands out the warehouse. Assets that write it belong into the pool `carbon_warehouse`.

    Example:
        >>> WarehouseResource(data_dir="data").open().path.as_posix()
        'data/warehouse.duckdb'
    """

    timeout_s: float = Field(default=120.0, gt=0, description="How long to wait for another writer, seconds.")

    def open(self) -> Warehouse:
        """The warehouse in the data folder. No file is opened yet.

        Raises:
            SettingsError: a setting is not usable.
        """
        settings = read_settings(**given(self, StorageOptions))
        return Warehouse(
            settings.data_dir,
            timeout_s=self.timeout_s,
            memory_limit=settings.memory_limit,
            landing_url=settings.landing_url,
        )
