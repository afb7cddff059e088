"""`@tracked`: measures an asset, op or check in one line.

https://docs.dagster.io/guides/build/assets/defining-assets
"""

from collections.abc import Callable
from inspect import isroutine
from typing import Any, TypeVar, overload

from carbon_pipeline.dagster.measured_function import measured_function

Target = TypeVar("Target")


@overload
def tracked(target: Target) -> Target: ...
@overload
def tracked() -> Callable[[Target], Target]: ...
def tracked(target: Any = None) -> Any:
    """Measure a function whenever Dagster runs it; anywhere else the function runs as it is.

    No resource is needed: settings come from the environment variables, or from an `EmissionsResource` under the key
    `carbon_emissions`. The record lands in `data/landing`, one for each attempt of a step. The numbers are added to the
    metadata of the materialization, or go to an observation of the asset where a materialization cannot take them
    (`dagster/step_metadata.py`). A step that makes several assets is measured once.

    Under an ephemeral instance, such as that of `dg.materialize` in a unit test, nothing is measured, unless that run
    has the resource or CARBON_TRACKING=on.

    Args:
        target: below Dagster's decorator a plain function, a generator, a coroutine or an asynchronous generator, with
            or without context, configuration, resources and inputs; of a generator all is measured until its end,
            Dagster's handling of what it yields included. Above it, what Dagster's decorator has made.

    Returns:
        The same, measured.

    Raises:
        TypeError: it is nothing that can be measured.

    Example:
        >>> @dg.asset
        ... @tracked
        ... def my_model(context: dg.AssetExecutionContext):
        ...     fit()
    """
    if target is None:
        return tracked
    if isroutine(target):
        return measured_function(target)
    from carbon_pipeline.dagster.tracked_definitions import tracked_definition

    return tracked_definition(target)
