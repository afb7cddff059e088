"""The six resources, linked with each other: what the assets and checks of this package require."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from carbon_pipeline.dagster.resources.alerts import AlertsResource
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.report_context import ReportContextResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource


def carbon_resources(overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make the resources that the assets and checks of this package require.

    `carbon_emissions` uses the next three: the place of `carbon_location` and the data folder of `carbon_warehouse`.
    Each can be configured when a run is launched.

    Args:
        overrides: resources by name, in place of the ones made here.

    Returns:
        Resources by name.

    Example:
        >>> list(carbon_resources())[:3]
        ['carbon_emissions', 'carbon_hardware', 'carbon_location']
    """
    made = {**_defaults(), **(overrides or {})}
    parts = {name: made[f"carbon_{name}"] for name in ("hardware", "location", "warehouse")}
    if any(part is not _defaults()[f"carbon_{name}"] for name, part in parts.items()):
        emissions = EmissionsResource.configure_at_launch(**parts)
        made["carbon_emissions"] = (overrides or {}).get("carbon_emissions", emissions)
    return made


@cache
def _defaults() -> dict[str, Any]:
    """The same objects for everybody, since Dagster merges definitions only where they share their resources."""
    hardware = HardwareResource.configure_at_launch()
    location = LocationResource.configure_at_launch()
    warehouse = WarehouseResource.configure_at_launch()
    return {
        "carbon_emissions": EmissionsResource.configure_at_launch(
            hardware=hardware, location=location, warehouse=warehouse
        ),
        "carbon_hardware": hardware,
        "carbon_location": location,
        "carbon_warehouse": warehouse,
        "carbon_report_context": ReportContextResource.configure_at_launch(),
        "carbon_alerts": AlertsResource(),
    }
