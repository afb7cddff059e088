"""`@tracked`: measures an asset, op or check in one line.

https://docs.dagster.io/guides/build/assets/defining-assets
"""

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from carbon_pipeline.dagster.step_metadata import attach_metadata

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])
EmissionsOf = Callable[[dict[str, Any]], Any]
"""Takes the resource out of the keyword arguments of a call."""

_MARK = "__carbon_pipeline_tracked__"
_RESOURCE = "emissions"


def tracked(function: Function) -> Function:
    """Measure a function whenever Dagster runs it; anywhere else the function runs as it is.

    It stands below Dagster's own decorator and asks for the resource `emissions` by itself. The record lands in
    `data/landing`, one for each attempt of a step. The numbers are added to the metadata of the materialization, or
    go to an observation of the asset where a materialization cannot take them (`dagster/step_metadata.py`). A step that
    makes several assets is measured once: each shows the energy of the step.

    Args:
        function: a plain function, a generator, a coroutine or an asynchronous generator, with or without context,
            configuration, resources and inputs. Of a generator all is measured until its end, Dagster's handling of
            what it yields included.

    A unit test that calls the asset itself hands in nothing for the meter: `my_model(emissions=None)`.

    Returns:
        The function, to be given to `@dg.asset`, `@dg.multi_asset`, `@dg.op` or `@dg.asset_check`.

    Example:
        >>> @dg.asset
        ... @tracked
        ... def my_model(context: dg.AssetExecutionContext):
        ...     fit()
    """
    if getattr(function, _MARK, False):
        return function
    signature = _signature(function)
    wants_resource = _RESOURCE in signature.parameters
    measured = _wrapped(function, wants_resource)
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


def _wrapped(function: Callable[..., Any], wants_resource: bool) -> Callable[..., Any]:
    """The function under tracking, of the same shape: Dagster runs each in its own way."""

    def emissions_of(arguments: dict[str, Any]) -> Any:
        return arguments.get(_RESOURCE) if wants_resource else arguments.pop(_RESOURCE, None)

    if inspect.isasyncgenfunction(function):
        wrap = _wrapped_async_generator
    elif inspect.iscoroutinefunction(function):
        wrap = _wrapped_coroutine
    elif inspect.isgeneratorfunction(function):
        wrap = _wrapped_generator
    else:
        wrap = _wrapped_plain
    return functools.wraps(function)(wrap(function, emissions_of))


def _wrapped_async_generator(function: Callable[..., Any], emissions_of: EmissionsOf) -> Callable[..., Any]:
    async def measured(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with _measuring(emissions_of(kwargs), is_generator=True):
            async for value in function(*args, **kwargs):
                yield value

    return measured


def _wrapped_coroutine(function: Callable[..., Any], emissions_of: EmissionsOf) -> Callable[..., Any]:
    async def measured(*args: Any, **kwargs: Any) -> Any:
        with _measuring(emissions_of(kwargs)):
            return await function(*args, **kwargs)

    return measured


def _wrapped_generator(function: Callable[..., Any], emissions_of: EmissionsOf) -> Callable[..., Any]:
    def measured(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _measuring(emissions_of(kwargs), is_generator=True):
            return (yield from function(*args, **kwargs))

    return measured


def _wrapped_plain(function: Callable[..., Any], emissions_of: EmissionsOf) -> Callable[..., Any]:
    def measured(*args: Any, **kwargs: Any) -> Any:
        with ExitStack() as stack:
            measuring = stack.enter_context(_measuring(emissions_of(kwargs)))
            result = function(*args, **kwargs)
            if rest := _rest_of(result):  # the work is still to come: an ordinary decorator stands between, or a return
                measuring.is_generator = not inspect.iscoroutine(result)
                return rest(result, stack.pop_all())
            return result

    return measured


def _rest_of(result: Any) -> Callable[[Any, ExitStack], Any] | None:
    """The function that goes on measuring while a result does its work; None if the work has been done."""
    if inspect.isgenerator(result):
        return _rest_of_generator
    if inspect.iscoroutine(result):
        return _rest_of_coroutine
    return _rest_of_async_generator if inspect.isasyncgen(result) else None


def _rest_of_generator(result: Any, stack: ExitStack) -> Generator[Any, Any, Any]:
    with stack:
        return (yield from result)


async def _rest_of_coroutine(result: Any, stack: ExitStack) -> Any:
    with stack:
        return await result


async def _rest_of_async_generator(result: Any, stack: ExitStack) -> AsyncGenerator[Any, Any]:
    with stack:
        async for value in result:
            yield value


class _Measuring:
    """A measured block; the materialization of a generator is out before its end."""

    def __init__(self, is_generator: bool):
        self.is_generator = is_generator


@contextmanager
def _measuring(emissions: Any, is_generator: bool = False) -> Iterator[_Measuring]:
    """Measure a block of a step and hand the numbers to Dagster; do nothing outside a step or without the resource."""
    measuring = _Measuring(is_generator)
    context = _step_context() if emissions is not None else None
    run = _run(emissions, context) if context is not None else None
    if run is None:
        yield measuring
        return
    try:
        with run:
            yield measuring
    except BaseException:  # a cancel too
        attach_metadata(context, run.record, to_materialization=False)
        raise
    attach_metadata(context, run.record, to_materialization=not measuring.is_generator)


def _run(emissions: Any, context: Any) -> Any:
    """A run that measures; None if `emissions` is something else, such as a parameter of the user's own."""
    if not callable(getattr(emissions, "track", None)):
        context.log.warning("not measured: `emissions` is a %s and no EmissionsResource", type(emissions).__name__)
        return None
    try:
        return emissions.track(context)
    except Exception:  # whatever it is, the work goes on
        logger.exception("the step could not be measured")
        return None


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)  # postponed annotations become types
    except NameError:
        return inspect.signature(function)


def _with_resource(signature: inspect.Signature) -> inspect.Signature:
    """The signature with a parameter `emissions`, to which Dagster passes the resource of that name."""
    import dagster as dg

    resource = inspect.Parameter(
        _RESOURCE, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=dg.ResourceParam[object]
    )
    parameters = list(signature.parameters.values())
    end = len(parameters) - (parameters[-1:] != [] and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
    return signature.replace(parameters=[*parameters[:end], resource, *parameters[end:]])


def _step_context() -> Any:
    """The context of the step that is running; None outside Dagster."""
    import dagster as dg

    for kind in (dg.AssetExecutionContext, dg.OpExecutionContext, dg.AssetCheckExecutionContext):
        try:
            return kind.get()
        except dg.DagsterInvariantViolationError:
            continue
    return None
