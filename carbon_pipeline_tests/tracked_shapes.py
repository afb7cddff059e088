"""Every shape of thing that `@tracked` can stand on, in one job: a module, so that step processes can import it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from carbon_pipeline import forking_executor, tracked
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources

DAYS = dg.StaticPartitionsDefinition(["mon", "tue", "wed"])


class Factor(dg.Config):
    """Configuration of an asset that is tracked."""

    factor: int = 2


@dg.asset
@tracked
def plain() -> int:
    return 21


@dg.asset
@tracked
def with_everything(
    context: dg.AssetExecutionContext, config: Factor, plain: int, carbon_warehouse: dg.ResourceParam[Any]
) -> dg.MaterializeResult[int]:
    assert carbon_warehouse is not None
    return dg.MaterializeResult(value=plain * config.factor, metadata={"mine": context.asset_key.to_user_string()})


@dg.asset
@tracked
async def coroutine(context: dg.AssetExecutionContext) -> int:
    return 1


@dg.asset
@tracked
def generator() -> Iterator[dg.MaterializeResult[Any]]:
    yield dg.MaterializeResult(metadata={"mine": 1})


@dg.asset
@tracked
async def async_generator():  # type: ignore[no-untyped-def] # Dagster takes no annotation of it
    yield dg.MaterializeResult(metadata={"mine": 1})


@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")])
@tracked
def both_at_once() -> tuple[dg.MaterializeResult[Any], dg.MaterializeResult[Any]]:
    return dg.MaterializeResult("left"), dg.MaterializeResult("right")


@dg.multi_asset(specs=[dg.AssetSpec("first"), dg.AssetSpec("second")])
@tracked
def one_after_the_other() -> Iterator[dg.MaterializeResult[Any]]:
    yield dg.MaterializeResult("first")
    yield dg.MaterializeResult("second")


@dg.op
@tracked
def inner(context: dg.OpExecutionContext) -> int:
    return 1


@dg.op
@tracked
def outer(number: int) -> int:
    return number + 1


@dg.op
def inner_untracked() -> int:
    return 1


@dg.op
def outer_untracked(number: int) -> int:
    return number + 1


@dg.graph_asset
def from_a_graph() -> int:
    return outer(inner())


@tracked
@dg.asset
def from_above() -> int:
    return 1


@tracked()
@dg.graph_asset
def graph_from_above() -> int:
    return outer_untracked(inner_untracked())


@dg.asset(required_resource_keys={"carbon_warehouse"})
@tracked()
def with_required_keys(context: dg.AssetExecutionContext) -> None:
    assert context.resources.carbon_warehouse is not None


@dg.asset
@tracked
def closed_early() -> Iterator[dg.Output[Any]]:
    yield dg.Output(1, "no_such_output")


@dg.asset_check(asset="plain")
@tracked
def plain_is_right(plain: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=plain == 21)


@dg.asset
@tracked
def failing() -> None:
    raise ValueError("as it should")


@dg.asset
@tracked
def failing_generator() -> Iterator[dg.MaterializeResult[Any]]:
    raise ValueError("as it should")
    yield dg.MaterializeResult()


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
@tracked
def better_the_second_time(context: dg.AssetExecutionContext) -> int:
    if context.retry_number == 0:
        raise ValueError("as it should")
    return 1


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
@tracked
def per_day(context: dg.AssetExecutionContext) -> None:
    """Has partitions; a backfill makes several in one run."""


ASSETS = [
    plain, with_everything, coroutine, generator, async_generator, both_at_once, one_after_the_other, from_a_graph,
    failing, failing_generator, better_the_second_time, from_above, graph_from_above, with_required_keys,
]  # fmt: skip


def make_job() -> Any:
    """All that has no partitions."""
    return _job(dg.multiprocess_executor.configured({"max_concurrent": 2}))


def make_forking_job() -> Any:
    """The same, with steps that are copies of one process."""
    return _job(forking_executor(__name__))


def _job(executor: dg.ExecutorDefinition) -> Any:
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=[plain_is_right],
        jobs=[dg.define_asset_job("shapes", selection=dg.AssetSelection.all())],
        resources=carbon_resources(),
        executor=executor,
    ).resolve_job_def("shapes")


def make_partitioned_job() -> Any:
    """The asset with partitions."""
    return dg.Definitions(
        assets=[per_day], jobs=[dg.define_asset_job("days")], resources=carbon_resources()
    ).resolve_job_def("days")


@dg.asset
@tracked
def bare() -> None:
    """Needs nothing."""


def make_bare_job(resources: dict[str, Any] | None = None) -> Any:
    """A job of a project that knows of nothing but the decorator."""
    return dg.Definitions(assets=[bare], jobs=[dg.define_asset_job("bare_job")], resources=resources).resolve_job_def(
        "bare_job"
    )
