"""carbon_pipeline: what a training run costs in energy and carbon, with its history and its provenance.

The public names. They are imported on first use, so that `import carbon_pipeline` costs nothing; the Dagster project is
wired in `carbon_pipeline.definitions`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carbon_pipeline.dagster.budgets import carbon_budget
    from carbon_pipeline.dagster.check_results import carbon_alert
    from carbon_pipeline.dagster.component import CarbonTracking
    from carbon_pipeline.dagster.pipes import TrackedPipesSubprocessClient
    from carbon_pipeline.dagster.regression import energy_regression
    from carbon_pipeline.dagster.resources.alerts import AlertsResource, MailAlerts, WebhookAlerts
    from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
    from carbon_pipeline.dagster.resources.emissions import EmissionsResource
    from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
    from carbon_pipeline.dagster.step_metadata import dagster_metadata
    from carbon_pipeline.dagster.track_assets import track_assets
    from carbon_pipeline.dagster.tracked import tracked
    from carbon_pipeline.model.record import RunRecord
    from carbon_pipeline.tracking.run import track
    from carbon_pipeline.warehouse.warehouse import Warehouse

__all__ = [
    "AlertsResource",
    "CarbonTracking",
    "EmissionsResource",
    "MailAlerts",
    "RunRecord",
    "TrackedPipesSubprocessClient",
    "Warehouse",
    "WarehouseResource",
    "WebhookAlerts",
    "carbon_alert",
    "carbon_budget",
    "carbon_resources",
    "dagster_metadata",
    "energy_regression",
    "track",
    "track_assets",
    "tracked",
]

_MODULES = {
    "dagster.budgets": ["carbon_budget"],
    "dagster.check_results": ["carbon_alert"],
    "dagster.component": ["CarbonTracking"],
    "dagster.pipes": ["TrackedPipesSubprocessClient"],
    "dagster.regression": ["energy_regression"],
    "dagster.resources.alerts": ["AlertsResource", "MailAlerts", "WebhookAlerts"],
    "dagster.resources.carbon_resources": ["carbon_resources"],
    "dagster.resources.emissions": ["EmissionsResource"],
    "dagster.resources.warehouse": ["WarehouseResource"],
    "dagster.step_metadata": ["dagster_metadata"],
    "dagster.track_assets": ["track_assets"],
    "dagster.tracked": ["tracked"],
    "model.record": ["RunRecord"],
    "tracking.run": ["track"],
    "warehouse.warehouse": ["Warehouse"],
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"carbon_pipeline.{_MODULE_OF[name]}"), name)
