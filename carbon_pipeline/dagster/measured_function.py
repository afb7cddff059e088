"""A function of a step under tracking: of the same shape, with the same signature, at the same place in the code.

https://docs.dagster.io/guides/build/assets/defining-assets
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from carbon_pipeline.dagster.step_metadata import attach_metadata

_MARK = "__carbon_pipeline_tracked__"


def measured_function(function: Callable[..., Any], emissions: Any = None) -> Callable[..., Any]:
    """Put a function under tracking; one that is already stays as it is, unless a resource is given.

    Args:
        function: a plain function, a generator, a coroutine or an asynchronous generator.
        emissions: the resource that measures; None for that of the run, else one that follows the environment.

    Returns:
        A function of the same shape and signature.
    """
    if is_measured(function):
        if emissions is None:
            return function
        function = function.__wrapped__  # type: ignore[attr-defined]
    if inspect.isasyncgenfunction(function):
        wrap = _async_generator
    elif inspect.iscoroutinefunction(function):
        wrap = _coroutine
    elif inspect.isgeneratorfunction(function):
        wrap = _generator
    else:
        wrap = _plain
    measured = functools.wraps(function)(wrap(function, emissions))
    signature = _signature(function)
    measured.__signature__ = signature  # type: ignore[attr-defined]
    measured.__annotations__ = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
    }
    if signature.return_annotation is not inspect.Signature.empty:
        measured.__annotations__["return"] = signature.return_annotation
    # Dagster's references to the code ask a function where it is, and tracebacks show it there too.
    if code := getattr(inspect.unwrap(function), "__code__", None):
        own: Any = measured
        own.__code__ = own.__code__.replace(
            co_filename=code.co_filename,
            co_firstlineno=code.co_firstlineno,
            co_linetable=_one_line(len(own.__code__.co_code) // 2),
        )
    setattr(measured, _MARK, True)
    return measured


def _one_line(instructions: int) -> bytes:
    """A table of lines in which all instructions are on the first one, as CPython 3.11 and later read it.

    An entry is a byte with its kind (13: a line without columns) and its length, at most eight, and the step to its
    line.
    https://github.com/python/cpython/blob/3.13/InternalDocs/code_objects.md
    """
    full, rest = divmod(instructions, 8)
    lengths = [8] * full + [rest] * bool(rest)
    return b"".join(bytes((0x80 | 13 << 3 | (length - 1), 0)) for length in lengths)


def is_measured(function: Any) -> bool:
    """Whether a function is under tracking already."""
    return bool(getattr(function, _MARK, False))


def _async_generator(function: Callable[..., Any], emissions: Any) -> Callable[..., Any]:
    async def measured(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with _measuring(kwargs, emissions, is_generator=True) as measuring:
            inner = function(*args, **kwargs)
            sent: Any = None
            raised: BaseException | None = None
            while True:
                try:
                    with measuring.resumed():
                        value = await (inner.athrow(raised) if raised else inner.asend(sent))
                except StopAsyncIteration:
                    return
                sent = raised = None
                try:
                    sent = yield value
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it belongs to the function inside
                    raised = error

    return measured


def _coroutine(function: Callable[..., Any], emissions: Any) -> Callable[..., Any]:
    async def measured(*args: Any, **kwargs: Any) -> Any:
        with _measuring(kwargs, emissions):
            return await function(*args, **kwargs)

    return measured


def _generator(function: Callable[..., Any], emissions: Any) -> Callable[..., Any]:
    def measured(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _measuring(kwargs, emissions, is_generator=True):
            return (yield from function(*args, **kwargs))

    return measured


def _plain(function: Callable[..., Any], emissions: Any) -> Callable[..., Any]:
    def measured(*args: Any, **kwargs: Any) -> Any:
        with ExitStack() as stack:
            measuring = stack.enter_context(_measuring(kwargs, emissions))
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
        self.run: Any = None

    def resumed(self) -> AbstractContextManager[None]:
        """Dagster goes on with an asynchronous generator in a task of its own, which knows of no tracked run."""
        return self.run.resumed() if self.run else nullcontext()


@contextmanager
def _measuring(arguments: Mapping[str, Any], emissions: Any, is_generator: bool = False) -> Iterator[_Measuring]:
    """Measure a block of a step and hand the numbers to Dagster; outside a step, do nothing."""
    measuring = _Measuring(is_generator)
    context = _step_context()
    if context is None:
        from carbon_pipeline.dagster.tracked_definitions import require_no_graph

        require_no_graph()
    with ExitStack() as resources:
        run = None if context is None else _run(resources, context, arguments, emissions)
        measuring.run = run
        if run is None:
            yield measuring
            return
        try:
            with run:
                yield measuring
        except BaseException:  # a cancel too
            attach_metadata(context, run, to_materialization=False)
            raise
        attach_metadata(context, run, to_materialization=not measuring.is_generator)


def _run(resources: ExitStack, context: Any, arguments: Mapping[str, Any], bound: Any) -> Any:
    """A run that measures the step; None if nothing is to be measured, or cannot be."""
    from carbon_pipeline.dagster.resources.resolve import resource_for

    try:
        emissions = resource_for(resources, context, arguments, bound)
        return emissions.track(context) if emissions else None
    except Exception as error:  # noqa: BLE001 - whatever it is, the work goes on
        cause: BaseException = error
        while cause.__cause__:  # Dagster's own words for a resource whose set-up fails say nothing of the reason
            cause = cause.__cause__
        context.log.error("this step is not measured: %s: %s", type(cause).__name__, cause)
        return None


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)  # postponed annotations become types
    except NameError:
        return inspect.signature(function)


def _step_context() -> Any:
    """The context of the step that is running; None outside Dagster."""
    import dagster as dg

    for kind in (dg.AssetExecutionContext, dg.OpExecutionContext, dg.AssetCheckExecutionContext):
        try:
            return kind.get()
        except dg.DagsterInvariantViolationError:
            continue
    return None
