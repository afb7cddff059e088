"""carbon_pipeline: what a training run costs in energy and carbon, with its history and its provenance.

The public names. They are imported on first use, so that `import carbon_pipeline` costs nothing; the Dagster project is
wired in `carbon_pipeline.definitions`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carbon_pipeline.dagster.budgets import carbon_budget as carbon_budget
    from carbon_pipeline.dagster.check_results import carbon_alert as carbon_alert
    from carbon_pipeline.dagster.component import CarbonTracking as CarbonTracking
    from carbon_pipeline.dagster.executors import forking_executor as forking_executor
    from carbon_pipeline.dagster.pipes import TrackedPipesSubprocessClient as TrackedPipesSubprocessClient
    from carbon_pipeline.dagster.regression import energy_regression as energy_regression
    from carbon_pipeline.dagster.resources.alerts import AlertsResource as AlertsResource
    from carbon_pipeline.dagster.resources.alerts import MailAlerts as MailAlerts
    from carbon_pipeline.dagster.resources.alerts import WebhookAlerts as WebhookAlerts
    from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources as carbon_resources
    from carbon_pipeline.dagster.resources.emissions import EmissionsResource as EmissionsResource
    from carbon_pipeline.dagster.resources.warehouse import WarehouseResource as WarehouseResource
    from carbon_pipeline.dagster.step_metadata import dagster_metadata as dagster_metadata
    from carbon_pipeline.dagster.track_assets import track_assets as track_assets
    from carbon_pipeline.dagster.tracked import tracked as tracked
    from carbon_pipeline.model.record import RunRecord as RunRecord
    from carbon_pipeline.tracking.run import describe as describe
    from carbon_pipeline.tracking.run import metric as metric
    from carbon_pipeline.tracking.run import phase as phase
    from carbon_pipeline.tracking.run import track as track
    from carbon_pipeline.warehouse.warehouse import Warehouse as Warehouse

_NAMES = {
    "dagster.budgets": ("carbon_budget",),
    "dagster.check_results": ("carbon_alert",),
    "dagster.component": ("CarbonTracking",),
    "dagster.executors": ("forking_executor",),
    "dagster.pipes": ("TrackedPipesSubprocessClient",),
    "dagster.regression": ("energy_regression",),
    "dagster.resources.alerts": ("AlertsResource", "MailAlerts", "WebhookAlerts"),
    "dagster.resources.carbon_resources": ("carbon_resources",),
    "dagster.resources.emissions": ("EmissionsResource",),
    "dagster.resources.warehouse": ("WarehouseResource",),
    "dagster.step_metadata": ("dagster_metadata",),
    "dagster.track_assets": ("track_assets",),
    "dagster.tracked": ("tracked",),
    "model.record": ("RunRecord",),
    "tracking.run": ("describe", "metric", "phase", "track"),
    "warehouse.warehouse": ("Warehouse",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_MODULES)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"carbon_pipeline.{_MODULES[name]}"), name)
