"""carbon_pipeline: what a training run costs in energy and carbon, with its history and its provenance.

The names that users need. They are imported on first use, so that `import carbon_pipeline` costs
nothing; the Dagster project is wired together in `carbon_pipeline.definitions`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carbon_pipeline.component import CarbonTracking
    from carbon_pipeline.pipes import TrackedPipesSubprocessClient
    from carbon_pipeline.resources.together import carbon_resources
    from carbon_pipeline.tracking.decorator import tracked
    from carbon_pipeline.tracking.record import RunRecord
    from carbon_pipeline.tracking.run import track
    from carbon_pipeline.watching import carbon_budget, energy_regression
    from carbon_pipeline.wrapping import track_assets

__all__ = [
    "CarbonTracking",
    "RunRecord",
    "TrackedPipesSubprocessClient",
    "carbon_budget",
    "carbon_resources",
    "energy_regression",
    "track",
    "track_assets",
    "tracked",
]

_HOMES = {
    "CarbonTracking": "carbon_pipeline.component",
    "RunRecord": "carbon_pipeline.tracking.record",
    "TrackedPipesSubprocessClient": "carbon_pipeline.pipes",
    "carbon_budget": "carbon_pipeline.watching",
    "carbon_resources": "carbon_pipeline.resources.together",
    "energy_regression": "carbon_pipeline.watching",
    "track": "carbon_pipeline.tracking.run",
    "track_assets": "carbon_pipeline.wrapping",
    "tracked": "carbon_pipeline.tracking.decorator",
}


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
