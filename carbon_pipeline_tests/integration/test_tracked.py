"""`@tracked` in real Dagster runs: every shape of asset, op and check, in one process and in many."""

import asyncio
import functools
import gc
import os
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline import EmissionsResource, WarehouseResource, describe, metric, phase, track, tracked
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.landing import landed_files
from carbon_pipeline_tests import tracked_shapes


def records(data_dir: Path) -> list[RunRecord]:
    return [RunRecord.model_validate_json(path.read_text()) for path in landed_files(data_dir)]


def materializations(instance: dg.DagsterInstance, key: str) -> list[dict[str, Any]]:
    found = instance.fetch_materializations(dg.AssetKey(key), limit=10).records
    return [
        {name: value.value for name, value in record.asset_materialization.metadata.items()}
        for record in found
        if record.asset_materialization
    ]


def observations(instance: dg.DagsterInstance, key: str) -> list[dict[str, Any]]:
    found = instance.fetch_observations(dg.AssetKey(key), limit=10).records
    return [
        {name: value.value for name, value in record.asset_observation.metadata.items()}
        for record in found
        if record.asset_observation
    ]


@pytest.mark.parametrize(
    "executor",
    [
        "in_process",
        pytest.param("multiprocess", marks=pytest.mark.long),
        pytest.param("fork server", marks=pytest.mark.long),
    ],
)
def test_every_shape_of_function_is_measured_once_and_its_numbers_reach_dagster(data_dir: Path, executor: str) -> None:
    data_dir.mkdir()
    os.environ["CARBON_DATA_DIR"] = str(data_dir)  # for step processes; the fixture takes it back
    with dg.instance_for_test() as instance:
        if executor == "in_process":
            result = tracked_shapes.make_job().execute_in_process(instance=instance, raise_on_error=False)
        else:
            make = tracked_shapes.make_job if executor == "multiprocess" else tracked_shapes.make_forking_job
            result = dg.execute_job(dg.reconstructable(make), instance=instance)
        # The user's own outputs, metadata and exceptions are as they would be without tracking.
        failures = {event.step_key for event in result.all_events if event.is_step_failure}
        assert failures == {"failing", "failing_generator"}
        (shown,) = materializations(instance, "with_everything")
        assert shown["mine"] == "with_everything"
        checks = [
            e.asset_check_evaluation_data for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"
        ]
        assert [(check.check_name, check.passed) for check in checks] == [("plain_is_right", True)]

        by_step = {record.step_key: record for record in records(data_dir)}
        times = Counter(record.step_key for record in records(data_dir))
        assert times == {
            "plain": 1, "with_everything": 1, "coroutine": 1, "generator": 1, "async_generator": 1, "both_at_once": 1,
            "one_after_the_other": 1, "from_a_graph.inner": 1, "from_a_graph.outer": 1, "plain_plain_is_right": 1,
            "failing": 1, "failing_generator": 1, "better_the_second_time": 2, "from_above": 1, "with_required_keys": 1,
            "graph_from_above.inner_untracked": 1, "graph_from_above.outer_untracked": 1,
        }  # fmt: skip
        assert {record.dagster_run_id for record in by_step.values()} == {result.dagster_run.run_id}
        assert by_step["both_at_once"].asset_key == "left, right"

        # What returns shows it on the materialization ...
        for key in ("plain", "with_everything", "coroutine", "left", "right", "better_the_second_time"):
            step = {"left": "both_at_once", "right": "both_at_once"}.get(key, key)
            (shown,) = materializations(instance, key)
            record = next(r for r in records(data_dir) if r.step_key == step and r.status == "completed")
            assert shown["carbon/energy_kwh"] == pytest.approx(record.energy_kwh), key
            assert shown["carbon/run_id"] == record.run_id
            assert "Wh" in shown["carbon/summary"]
        assert materializations(instance, "left")[0]["carbon/assets_of_the_step"] == 2
        # ... what yields or fails on an observation.
        for key in ("generator", "async_generator", "first", "second", "failing", "failing_generator"):
            (seen,) = observations(instance, key)
            assert "carbon/energy_kwh" in seen, key
            assert not any("carbon/energy_kwh" in shown for shown in materializations(instance, key))
        assert observations(instance, "failing")[0]["carbon/status"] == "failed"
        assert "the work failed" in observations(instance, "failing")[0]["carbon/summary"]
        attempts = {
            record.retry_number: record.status
            for record in records(data_dir)
            if record.step_key == "better_the_second_time"
        }
        assert attempts == {0: "failed", 1: "completed"}
        assert observations(instance, "better_the_second_time")[0]["carbon/attempt"] == 0


def test_partitions_stand_in_the_record_one_or_a_range(data_dir: Path) -> None:
    with dg.instance_for_test() as instance:
        job = tracked_shapes.make_partitioned_job()
        assert job.execute_in_process(instance=instance, partition_key="mon").success
        assert dg.materialize(
            [tracked_shapes.per_day],
            resources=carbon_resources(),
            instance=instance,
            tags={"dagster/asset_partition_range_start": "tue", "dagster/asset_partition_range_end": "wed"},
        ).success
        assert sorted(str(record.partition_key) for record in records(data_dir)) == ["mon", "tue...wed"]
        shown = instance.fetch_materializations(dg.AssetKey("per_day"), limit=10).records
        assert sorted(str(record.partition_key) for record in shown) == ["mon", "tue", "wed"]
        assert all("carbon/energy_kwh" in r.asset_materialization.metadata for r in shown if r.asset_materialization)
        of_both = next(r.asset_materialization for r in shown if r.partition_key == "tue")
        assert of_both is not None
        assert of_both.metadata["carbon/partitions_of_the_step"].value == 2
        assert "for all 2 partitions of the step together" in str(of_both.metadata["carbon/summary"].value)


def test_work_that_is_cancelled_is_observed(data_dir: Path) -> None:
    @dg.asset
    @tracked
    def long_work() -> None:
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        time.sleep(10)

    with dg.instance_for_test() as instance:
        with pytest.raises(BaseException, match=r".*"):
            dg.materialize([long_work], resources=carbon_resources(), instance=instance)
        (seen,) = observations(instance, "long_work")
        assert seen["carbon/status"] == "cancelled"
    (record,) = records(data_dir)
    assert record.status == "cancelled"


def test_work_behind_an_ordinary_decorator_is_measured_until_its_end(data_dir: Path) -> None:
    def loud(function: Any) -> Any:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return called

    @dg.asset
    @tracked
    @loud
    def slow() -> Any:
        time.sleep(0.3)
        yield dg.Output(1)

    with dg.instance_for_test() as instance:
        assert dg.materialize([slow], resources=carbon_resources(), instance=instance).success
        assert len(observations(instance, "slow")) == 1
    (record,) = records(data_dir)
    assert record.duration_s > 0.29


def test_an_op_that_makes_no_asset_is_tracked_too(data_dir: Path) -> None:
    @dg.op
    @tracked
    def work() -> int:
        return 1

    @dg.job(resource_defs=carbon_resources())
    def job() -> None:
        work()

    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    (record,) = records(data_dir)
    assert (record.name, record.step_key, record.asset_key) == ("work", "work", None)


def test_outside_dagster_a_function_of_any_shape_runs_as_it_is(data_dir: Path) -> None:
    import asyncio

    @tracked
    def double(x: int) -> int:
        return 2 * x

    @tracked
    def numbers(n: int) -> Any:
        got = yield n
        return got

    @tracked
    async def later(x: int) -> int:
        return x

    @tracked
    async def stream(n: int) -> Any:
        for number in range(n):
            yield number

    async def all_of(n: int) -> list[int]:
        return [number async for number in stream(n)]

    assert double(4) == 8
    generator = numbers(3)
    assert next(generator) == 3
    with pytest.raises(StopIteration, match="back"):
        generator.send("back")
    assert asyncio.run(later(5)) == 5
    assert asyncio.run(all_of(3)) == [0, 1, 2]
    assert tracked(double) is double
    assert landed_files(data_dir) == []


def logged(result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> list[str]:
    return [entry.user_message for entry in instance.all_logs(result.run_id)]


def test_a_unit_test_passes_as_it_did_before_the_line_was_added(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset
    @tracked
    def numbers(context: dg.AssetExecutionContext) -> list[int]:
        context.log.info("working")
        return [1, 2]

    @dg.asset
    @tracked
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    assert numbers(dg.build_asset_context()) == [1, 2]
    assert total([1, 2]) == 3
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([numbers, total], instance=instance)
        assert result.output_for_node("total") == 3
        said = [text for text in logged(result, instance) if text.startswith("not measured")]
        assert len(said) == 2
        assert "ephemeral" in said[0]
    assert landed_files(data_dir) == []
    # People also train in scripts and notebooks: the switch, or a resource, measures there too.
    monkeypatch.setenv("CARBON_TRACKING", "on")
    assert dg.materialize([numbers, total]).success
    assert {record.name for record in records(data_dir)} == {"numbers", "total"}
    monkeypatch.setenv("CARBON_TRACKING", "off")
    assert dg.materialize([numbers, total], resources=carbon_resources()).success
    assert len(records(data_dir)) == 2


def test_a_run_without_any_resource_is_measured_with_the_environments_settings(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARBON_PROJECT_NAME", "from the environment")
    with dg.instance_for_test() as instance:
        result = tracked_shapes.make_bare_job().execute_in_process(instance=instance)
        assert result.success
        assert any(text.endswith(f"run {records(data_dir)[0].run_id}") for text in logged(result, instance))
    (record,) = records(data_dir)
    assert (record.name, record.project_name) == ("bare", "from the environment")


def test_a_resource_and_its_configuration_win_over_the_environment_though_no_step_requires_it(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARBON_PROJECT_NAME", "from the environment")
    config = {"resources": {"carbon_emissions": {"config": {"project_name": "from the launch"}}}}
    job = tracked_shapes.make_bare_job(carbon_resources())
    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=config).success
    (record,) = records(data_dir)
    assert record.project_name == "from the launch"


def test_a_resource_that_cannot_be_set_up_fails_no_work_and_the_run_says_why(data_dir: Path) -> None:
    class Broken(EmissionsResource):
        def track(self, *args: Any, **kwargs: Any) -> Any:
            raise OSError("no meter")

    with dg.DagsterInstance.ephemeral() as instance:
        result = tracked_shapes.make_bare_job({"carbon_emissions": Broken()}).execute_in_process(instance=instance)
        assert result.success
        assert "this step is not measured: OSError: no meter" in logged(result, instance)
    assert landed_files(data_dir) == []


def test_a_generator_that_dagster_drops_early_has_failed(data_dir: Path) -> None:
    result = dg.materialize([tracked_shapes.closed_early], resources=carbon_resources(), raise_on_error=False)
    assert not result.success
    del result
    gc.collect()
    (record,) = records(data_dir)
    assert record.status == "failed"


def test_a_graphs_function_is_refused_in_one_sentence() -> None:
    with pytest.raises(TypeError, match="put it above"):

        @dg.graph_asset
        @tracked
        def graph() -> int:
            return tracked_shapes.inner()


@pytest.mark.parametrize("target", [dg.AssetSpec("external"), dg.define_asset_job("a_job"), 7])
def test_what_cannot_be_tracked_is_refused_in_one_sentence(target: Any) -> None:
    with pytest.raises(TypeError, match="cannot be tracked"):
        tracked(target)


@pytest.mark.parametrize("off", ["off", "OFF", "false", "0"])
def test_off_is_off_however_it_is_written(data_dir: Path, monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setenv("CARBON_TRACKING", off)
    assert dg.materialize([tracked_shapes.bare], resources=carbon_resources()).success
    with track("work", data_dir=data_dir) as run:
        pass
    assert run.record is None
    assert landed_files(data_dir) == []


def test_a_record_that_cannot_be_written_is_an_error_in_the_log_of_the_step(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("not a folder")
    resources = {"carbon_emissions": EmissionsResource(warehouse=WarehouseResource(data_dir=str(tmp_path / "a file")))}
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([tracked_shapes.bare], resources=resources, instance=instance)
        assert result.success
        assert any(text.startswith("what this step has used is in no report") for text in logged(result, instance))


def test_a_traceback_shows_the_line_of_the_function_and_none_that_did_not_run(data_dir: Path) -> None:
    @tracked
    def fails(number: int) -> None:
        if number > 100:
            print("never")
        raise ValueError(number)

    with pytest.raises(ValueError, match="1") as error:
        fails(1)
    first = fails.__wrapped__.__code__.co_firstlineno  # type: ignore[attr-defined]
    frames = [frame for frame in error.traceback if frame.path == Path(__file__)]
    assert [frame.lineno + 1 for frame in frames[1:]] == [first, first + 4]


def test_an_asynchronous_generator_is_closed_and_thrown_into_as_before() -> None:
    import asyncio

    seen: list[str] = []

    @tracked
    async def stream() -> Any:
        try:
            yield 1
        except KeyError:
            seen.append("thrown")
            yield 2
        finally:
            seen.append("closed")

    async def use() -> None:
        values = stream()
        assert await values.__anext__() == 1
        assert await values.athrow(KeyError()) == 2
        await values.aclose()

    asyncio.run(use())
    assert seen == ["thrown", "closed"]


def test_links_to_the_code_point_to_the_users_own_function() -> None:
    plain = tracked_shapes.plain
    (spec,) = next(iter(dg.with_source_code_references([plain]))).specs  # type: ignore[union-attr]
    (reference,) = spec.metadata["dagster/code_references"].code_references
    source = Path(tracked_shapes.__file__)
    assert Path(reference.file_path) == source  # type: ignore[union-attr]
    assert "def plain" in "".join(source.read_text().splitlines()[reference.line_number - 1 :][:3])  # type: ignore[union-attr]


def test_what_is_known_only_while_it_works_reaches_the_record(data_dir: Path) -> None:
    @dg.asset
    @tracked
    def model() -> None:
        describe(project_name="houses", task={"taskStage": "training"})

    @dg.asset
    @tracked
    async def in_parts():  # type: ignore[no-untyped-def] # Dagster takes no annotation of it
        yield dg.AssetMaterialization("in_parts")
        describe(project_name="flats")
        yield dg.Output(None)

    assert dg.materialize([model, in_parts], resources=carbon_resources()).success
    found = {record.name: record for record in records(data_dir)}
    assert (found["model"].project_name, found["model"].task) == ("houses", {"taskStage": "training"})
    assert found["in_parts"].project_name == "flats"
    describe(project_name="outside of any run nothing happens")


def test_phases_and_metrics_of_an_asset_need_no_run_at_hand_and_are_seen_in_the_ui(data_dir: Path) -> None:
    @dg.asset
    @tracked
    def trained() -> int:
        for accuracy in (0.5, 0.9):
            with phase("epoch"), phase("train"):
                metric("accuracy", accuracy)
        return 1

    @dg.asset
    @tracked
    def stream() -> Any:
        with phase("first half"):
            yield dg.AssetObservation("stream")
        yield dg.Output(1)

    @dg.asset
    @tracked
    async def waiting() -> int:
        with phase("awaited"):
            await asyncio.sleep(0)
        return 1

    with dg.instance_for_test() as instance:
        assert dg.materialize([trained, stream, waiting], instance=instance).success
        (shown,) = materializations(instance, "trained")
    assert shown["carbon/metric/accuracy"] == 0.9
    rows = [record.data for record in shown["carbon/phases"].records]
    assert [(row["phase"], row["number"]) for row in rows] == [("epoch", 2), ("train", 2)]
    assert re.fullmatch(r"[ ▁▂▃▄▅▆▇█]+ .* W", shown["carbon/power"])
    phases = {record.name: [found.name for found in record.phases] for record in records(data_dir)}
    assert phases == {
        "trained": ["epoch", "train", "epoch", "train"],
        "stream": ["first half"],
        "waiting": ["awaited"],
    }
    assert {record.name: record.metrics for record in records(data_dir)}["trained"] == {"accuracy": 0.9}


def test_phases_outside_a_tracked_run_do_nothing() -> None:
    with phase("epoch"):
        metric("accuracy", 1)
