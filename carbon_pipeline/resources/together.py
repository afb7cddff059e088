"""The six resources, linked with each other: what a project that measures needs."""

from collections.abc import Mapping
from typing import Any

from carbon_pipeline.resources.alerts import AlertsResource
from carbon_pipeline.resources.emissions import EmissionsResource
from carbon_pipeline.resources.hardware import HardwareResource
from carbon_pipeline.resources.location import LocationResource
from carbon_pipeline.resources.report_context import ReportContextResource
from carbon_pipeline.resources.warehouse import WarehouseResource


def carbon_resources(overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The resources `emissions`, `hardware`, `location`, `warehouse`, `report_context` and `alerts`.

    `emissions` uses the other three: the place that `location` says, and the data folder of `warehouse`. Each can be
    configured when a run is launched.

    Args:
        overrides: resources by name, in place of the ones made here.

    Returns:
        Resources by name.

    Example:
        >>> dg.Definitions(assets=[my_model], resources=carbon_resources())
    """
    given = dict(overrides or {})
    hardware = given.setdefault("hardware", HardwareResource.configure_at_launch())
    location = given.setdefault("location", LocationResource.configure_at_launch())
    warehouse = given.setdefault("warehouse", WarehouseResource.configure_at_launch())
    given.setdefault("alerts", AlertsResource())
    given.setdefault("report_context", ReportContextResource.configure_at_launch())
    given.setdefault(
        "emissions", EmissionsResource.configure_at_launch(hardware=hardware, location=location, warehouse=warehouse)
    )
    return given
