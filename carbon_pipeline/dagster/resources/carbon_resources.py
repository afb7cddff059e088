"""The six resources, linked with each other: what a project that measures needs."""

from collections.abc import Mapping
from typing import Any

from carbon_pipeline.dagster.resources.alerts import AlertsResource
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.report_context import ReportContextResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource


def carbon_resources(overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make the resources `emissions`, `hardware`, `location`, `warehouse`, `report_context` and `alerts`.

    `emissions` uses the next three: the place of `location` and the data folder of `warehouse`. Each can be configured
    when a run is launched.

    Args:
        overrides: resources by name, in place of the ones made here.

    Returns:
        Resources by name.

    Example:
        >>> sorted(carbon_resources())
        ['alerts', 'emissions', 'hardware', 'location', 'report_context', 'warehouse']
    """
    resources = dict(overrides or {})
    hardware = resources.setdefault("hardware", HardwareResource.configure_at_launch())
    location = resources.setdefault("location", LocationResource.configure_at_launch())
    warehouse = resources.setdefault("warehouse", WarehouseResource.configure_at_launch())
    resources.setdefault("alerts", AlertsResource())
    resources.setdefault("report_context", ReportContextResource.configure_at_launch())
    resources.setdefault(
        "emissions", EmissionsResource.configure_at_launch(hardware=hardware, location=location, warehouse=warehouse)
    )
    return resources
