"""`track_assets` on assets of others. If this fails after an upgrade of Dagster, its private API has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline import CarbonTracking, track_assets, tracked
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.landing import landed_files


class Factor(dg.Config):
    """Configuration of an asset that is tracked."""

    factor: int = 2


@dg.asset(kinds={"python"}, pool="some_pool", retry_policy=dg.RetryPolicy(max_retries=1), code_version="7")
def theirs() -> int:
    """Somebody else's."""
    return 20


@dg.asset
def with_config(context: dg.AssetExecutionContext, config: Factor, theirs: int, helper: dg.ResourceParam[Any]) -> int:
    return theirs * config.factor + int(helper)


@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")], can_subset=True)
def several(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
    for key in context.selected_asset_keys:
        yield dg.MaterializeResult(key)


@dg.asset
@tracked
def tracked_already() -> None:
    """Is measured once, not twice."""


@dg.op
def an_op() -> int:
    return 1


@dg.graph_asset
def from_a_graph() -> int:
    return an_op()


@dg.asset_check(asset="theirs")
def is_twenty(theirs: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=theirs == 20)


DEFS = dg.Definitions(
    assets=[theirs, with_config, several, tracked_already, from_a_graph, dg.AssetSpec("external")],
    asset_checks=[is_twenty],
    jobs=[dg.define_asset_job("everything"), dg.define_asset_job("half", selection="left")],
    resources={"helper": 2},
)


def records(data_dir: Path) -> list[RunRecord]:
    return [RunRecord.model_validate_json(path.read_text()) for path in landed_files(data_dir)]


def test_assets_of_others_are_measured_and_stay_what_they_are(data_dir: Path) -> None:
    defs = track_assets(DEFS)
    dg.Definitions.validate_loadable(defs)
    result = defs.resolve_job_def("everything").execute_in_process(instance=dg.DagsterInstance.ephemeral())
    assert result.success
    assert result.output_for_node("with_config") == 42
    assert {record.step_key for record in records(data_dir)} == {"theirs", "with_config", "several", "tracked_already"}
    assert len(records(data_dir)) == 4
    assert {record.asset_key for record in records(data_dir)} >= {"left, right", "theirs"}
    node = defs.resolve_assets_def("theirs")
    assert (node.op.pool, node.op.retry_policy) == (theirs.op.pool, theirs.op.retry_policy)
    assert node.specs_by_key == theirs.specs_by_key
    assert result.get_asset_check_evaluations()[0].passed
    (materialization,) = result.asset_materializations_for_node("theirs")
    assert "carbon/energy_kwh" in materialization.metadata


def test_a_part_of_a_multi_asset_can_be_materialized_alone(data_dir: Path) -> None:
    result = track_assets(DEFS).resolve_job_def("half").execute_in_process(instance=dg.DagsterInstance.ephemeral())
    assert result.success
    assert [record.asset_key for record in records(data_dir)] == ["left"]


def test_only_what_is_selected_is_measured(data_dir: Path) -> None:
    defs = track_assets(DEFS, selection=["theirs"])
    assert defs.resolve_job_def("everything").execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert {record.step_key for record in records(data_dir)} == {"theirs", "tracked_already"}


@pytest.mark.parametrize("key", ["nowhere", "from_a_graph", "external"])
def test_an_asset_that_cannot_be_tracked_raises_if_it_is_selected(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        track_assets(DEFS, selection=[key])


def test_a_project_keeps_its_own_resources_and_assets_of_the_same_names(data_dir: Path) -> None:
    @dg.asset
    def emissions() -> list[int]:
        return [1, 2]

    @dg.asset
    def total(emissions: list[int]) -> int:
        return sum(emissions)

    @dg.asset
    def other(warehouse: dg.ResourceParam[str]) -> str:
        return warehouse

    defs = track_assets(dg.Definitions(assets=[emissions, total, other], resources={"warehouse": "theirs"}))
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=dg.DagsterInstance.ephemeral())
    assert (result.output_for_node("total"), result.output_for_node("other")) == (3, "theirs")
    assert {record.step_key for record in records(data_dir)} == {"emissions", "other"}


def test_loading_what_was_measured_is_not_measured_itself(data_dir: Path) -> None:
    defs = track_assets(dg.Definitions.merge(DEFS, CarbonTracking().build_defs(None)))  # type: ignore[arg-type]
    assert defs.resolve_job_def("load").execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert landed_files(data_dir) == []
