"""carbon_pipeline: what a training run costs in energy and carbon, with its history and its provenance.

The three names that most users need. They are imported on first use, so that `import carbon_pipeline` costs
nothing; the Dagster project is wired together in `carbon_pipeline.definitions`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carbon_pipeline.tracking.decorator import tracked
    from carbon_pipeline.tracking.record import RunRecord
    from carbon_pipeline.tracking.run import track

__all__ = ["RunRecord", "track", "tracked"]

_HOMES = {
    "RunRecord": "carbon_pipeline.tracking.record",
    "track": "carbon_pipeline.tracking.run",
    "tracked": "carbon_pipeline.tracking.decorator",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
