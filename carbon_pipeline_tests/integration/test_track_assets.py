"""`track_assets` on assets of others. If this fails after an upgrade of Dagster, its private API has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline import CarbonTracking, EmissionsResource, carbon_resources, track_assets, tracked
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


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


def records(data_dir: Path) -> list[RunRecord]:
    return [RunRecord.model_validate_json(path.read_text()) for path in landed_files(data_dir)]


def test_assets_of_others_are_measured_and_stay_what_they_are(data_dir: Path, instance: dg.DagsterInstance) -> None:
    defs = track_assets(DEFS)
    dg.Definitions.validate_loadable(defs)
    result = defs.resolve_job_def("everything").execute_in_process(instance=instance)
    assert result.success
    assert result.output_for_node("with_config") == 42
    assert {record.step_key for record in records(data_dir)} == {
        "theirs", "with_config", "several", "tracked_already", "from_a_graph.an_op"
    }  # fmt: skip
    assert len(records(data_dir)) == 5
    assert {record.asset_key for record in records(data_dir)} >= {"left, right", "theirs"}
    node = defs.resolve_assets_def("theirs")
    assert (node.op.pool, node.op.retry_policy) == (theirs.op.pool, theirs.op.retry_policy)
    (spec,), (before,) = node.specs, theirs.specs
    assert (spec.kinds, "carbon/tracked" in spec.tags) == ({"python", "codecarbon"}, True)
    assert (spec.code_version, spec.description, spec.deps) == (before.code_version, before.description, before.deps)
    assert result.get_asset_check_evaluations()[0].passed
    (materialization,) = result.asset_materializations_for_node("theirs")
    assert "carbon/energy_kwh" in materialization.metadata


def test_a_part_of_a_multi_asset_can_be_materialized_alone(data_dir: Path, instance: dg.DagsterInstance) -> None:
    result = track_assets(DEFS).resolve_job_def("half").execute_in_process(instance=instance)
    assert result.success
    assert [record.asset_key for record in records(data_dir)] == ["left"]


def test_only_what_is_selected_is_measured(data_dir: Path, instance: dg.DagsterInstance) -> None:
    plain = dg.Definitions(assets=[theirs, with_config, several, tracked_already], resources={"helper": 2})
    defs = track_assets(plain, selection=["theirs"])
    assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    assert {record.step_key for record in records(data_dir)} == {"theirs", "tracked_already"}


@pytest.mark.parametrize(
    "selection",
    [["theirs"], "theirs", [theirs], [dg.AssetKey("theirs")], dg.AssetSelection.assets("theirs"), 'kind:"python"'],
)
def test_assets_are_selected_in_every_way_that_dagster_knows(selection: Any) -> None:
    defs = track_assets(DEFS, selection)
    tagged = {key.to_user_string() for a in defs.assets or () if isinstance(a, dg.AssetsDefinition) for key in a.keys
              if "carbon/tracked" in a.specs_by_key[key].tags}  # fmt: skip
    assert tagged == {"theirs"}


def test_an_asset_that_cannot_be_tracked_says_so_when_it_is_loaded_and_in_the_log_of_its_step(
    data_dir: Path, instance: dg.DagsterInstance
) -> None:
    raw = dg.AssetsDefinition.from_op(
        dg.OpDefinition(compute_fn=lambda context, inputs: iter([dg.Output(1)]), name="raw", outs={"result": dg.Out()})
    )
    with pytest.warns(UserWarning, match="raw is not tracked"):
        defs = track_assets(dg.Definitions(assets=[raw]))
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    assert result.success
    assert any(entry.user_message.startswith("not tracked") for entry in instance.all_logs(result.run_id))
    assert "carbon/note" in defs.resolve_assets_def("raw").specs_by_key[dg.AssetKey("raw")].metadata
    assert landed_files(data_dir) == []


def test_two_tracked_projects_merge_also_with_our_resources(data_dir: Path, instance: dg.DagsterInstance) -> None:
    one, other = dg.Definitions(assets=[theirs]), dg.Definitions(assets=[several], resources=carbon_resources())
    merged = dg.Definitions.merge(track_assets(one), track_assets(other), dg.Definitions(resources=carbon_resources()))
    assert merged.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    assert {record.step_key for record in records(data_dir)} == {"theirs", "several"}


def test_a_resource_of_ones_own_measures_what_it_is_given(data_dir: Path) -> None:
    defs = track_assets(DEFS, ["theirs"], emissions=EmissionsResource(project_name="theirs"))
    job = defs.resolve_job_def("everything")
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert {record.step_key: record.project_name for record in records(data_dir)} == {"theirs": "theirs"}


def test_graphs_and_jobs_that_share_an_op_are_measured_and_still_load(
    data_dir: Path, instance: dg.DagsterInstance
) -> None:
    @dg.op
    def shared() -> int:
        return 1

    @dg.graph_asset
    def one() -> int:
        return shared()

    @dg.graph_asset
    def other() -> int:
        return shared()

    @dg.job
    def a_job() -> None:
        shared()

    defs = track_assets(dg.Definitions(assets=[one, other, one], jobs=[a_job]))
    dg.Definitions.validate_loadable(defs)
    assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    assert {record.step_key for record in records(data_dir)} == {"one.shared", "other.shared"}


@pytest.mark.parametrize("selection", [None, "*", dg.AssetSelection.all()])
def test_no_selection_measures_the_loading_of_what_was_measured(selection: Any) -> None:
    defs = track_assets(CarbonTracking().build_defs(None), selection)  # type: ignore[arg-type]
    assert not any("carbon/tracked" in spec.tags for spec in defs.resolve_all_asset_specs())


@pytest.mark.parametrize("selection", [theirs, dg.AssetKey("theirs"), "theirs"])
def test_one_asset_may_be_selected_without_a_list(selection: Any) -> None:
    spec = track_assets(DEFS, selection).resolve_assets_def("theirs").specs_by_key[dg.AssetKey("theirs")]
    assert "carbon/tracked" in spec.tags


def test_a_given_resource_also_measures_what_is_tracked_already_and_it_is_found_by_its_tag(data_dir: Path) -> None:
    defs = track_assets(dg.Definitions(assets=[tracked_already]), emissions=EmissionsResource(project_name="given"))
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert [record.project_name for record in records(data_dir)] == ["given"]
    (spec,) = track_assets(dg.Definitions(assets=[tracked_already])).resolve_all_asset_specs()
    assert "carbon/tracked" in spec.tags
    with pytest.raises(ValueError, match="configured at launch"):
        track_assets(DEFS, emissions=carbon_resources()["carbon_emissions"])


@pytest.mark.parametrize("key", ["nowhere", "external"])
def test_an_asset_that_cannot_be_tracked_raises_if_it_is_selected(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        track_assets(DEFS, selection=[key])


def test_a_project_keeps_its_own_resources_and_assets_of_the_same_names(
    data_dir: Path, instance: dg.DagsterInstance
) -> None:
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
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)
    assert (result.output_for_node("total"), result.output_for_node("other")) == (3, "theirs")
    assert {record.step_key for record in records(data_dir)} == {"emissions", "total", "other"}


def test_loading_what_was_measured_is_not_measured_itself(data_dir: Path, instance: dg.DagsterInstance) -> None:
    defs = track_assets(dg.Definitions.merge(DEFS, CarbonTracking().build_defs(None)))  # type: ignore[arg-type]
    assert defs.resolve_job_def("load").execute_in_process(instance=instance).success
    assert landed_files(data_dir) == []
