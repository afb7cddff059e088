"""`@tracked`: measures an asset, op or check in one line. The one file of `tracking` that meets Dagster."""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from carbon_pipeline.tracking.metadata import carbon_metadata
from carbon_pipeline.tracking.record import RunRecord

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__carbon_pipeline_tracked__"
_RESOURCE = "emissions"


def tracked(function: Function) -> Function:
    """Measures a function whenever Dagster runs it; anywhere else the function runs as it is.

    It stands below Dagster's own decorator and asks for the resource `emissions` by itself. The record lands in
    `data/landing`; what was measured is added to the metadata of the materialization.

    Args:
        function: a plain function, with or without context, configuration and resources.

    Returns:
        The function, to be given to `@dg.asset`, `@dg.op` or `@dg.asset_check`.

    Raises:
        TypeError: the function is a generator or a coroutine; use `with emissions.track(context):` inside it.

    Example:
        >>> @dg.asset
        ... @tracked
        ... def my_model(context: dg.AssetExecutionContext):
        ...     fit()
    """
    if getattr(function, _MARK, False):
        return function
    if (
        inspect.isgeneratorfunction(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise TypeError(
            f"{function.__name__}: @tracked measures plain functions; "
            "use `with emissions.track(context):` inside a generator or a coroutine"
        )
    signature = _signature(function)
    wants_resource = _RESOURCE in signature.parameters

    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        emissions = kwargs.get(_RESOURCE) if wants_resource else kwargs.pop(_RESOURCE, None)
        context = _step_context()
        if emissions is None or context is None:
            return function(*args, **kwargs)
        with emissions.track(context) as run:
            result = function(*args, **kwargs)
        _attach(context, run.record)
        return result

    if not wants_resource:
        signature = _with_resource(signature)
    measured.__signature__ = signature  # type: ignore[attr-defined]
    measured.__annotations__ = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
    }
    if signature.return_annotation is not inspect.Signature.empty:
        measured.__annotations__["return"] = signature.return_annotation
    setattr(measured, _MARK, True)
    return measured  # type: ignore[return-value]


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)  # annotations that were postponed become types again
    except NameError:
        return inspect.signature(function)


def _with_resource(signature: inspect.Signature) -> inspect.Signature:
    """The signature with a parameter `emissions`, by which Dagster hands in the resource of that name."""
    import dagster as dg

    resource = inspect.Parameter(_RESOURCE, inspect.Parameter.KEYWORD_ONLY, annotation=dg.ResourceParam[object])
    parameters = list(signature.parameters.values())
    end = len(parameters) - (parameters[-1:] != [] and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    return signature.replace(parameters=[*parameters[:end], resource, *parameters[end:]])


def _step_context() -> Any:
    """The context of the step that is running; None outside Dagster."""
    import dagster as dg

    for kind in (dg.AssetExecutionContext, dg.OpExecutionContext):
        try:
            return kind.get()
        except dg.DagsterInvariantViolationError:
            continue
    return None


def _attach(context: Any, record: RunRecord | None) -> None:
    """Adds the numbers to each asset of the step; an op that makes no asset has the record alone."""
    op = getattr(context, "op_execution_context", context)
    if not op.has_assets_def:
        return
    try:
        for key in op.selected_asset_keys:
            context.add_asset_metadata(carbon_metadata(record), asset_key=key)
    except Exception:
        logger.exception("the carbon metadata could not be attached")
