"""`@tracked` in real Dagster runs."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline import tracked
from carbon_pipeline.resources.emissions import EmissionsResource
from carbon_pipeline.resources.hardware import HardwareResource
from carbon_pipeline.resources.location import LocationResource
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.tracking.landing import landed_files
from carbon_pipeline.tracking.record import RunRecord


class Settings(dg.Config):
    """Configuration of an asset that is tracked."""

    factor: int = 2


@dg.asset
@tracked
def plain() -> int:
    return 21


@dg.asset
@tracked
def with_everything(context: dg.AssetExecutionContext, config: Settings, plain: int) -> dg.MaterializeResult[int]:
    return dg.MaterializeResult(value=plain * config.factor, metadata={"mine": context.asset_key.to_user_string()})


@dg.asset
@tracked
def failing() -> None:
    raise ValueError("as it should")


def materialize(*assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    resource = EmissionsResource(
        hardware=HardwareResource(), warehouse=WarehouseResource(), location=LocationResource(country_iso_code="FR")
    )
    return dg.materialize(
        list(assets),
        resources={"emissions": resource},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def records(data_dir: Path) -> list[RunRecord]:
    return [RunRecord.model_validate_json(path.read_text()) for path in landed_files(data_dir)]


def test_one_line_tracks_an_asset_and_leaves_its_own_output_and_metadata_alone(data_dir: Path) -> None:
    result = materialize(plain, with_everything)
    assert result.success
    assert result.output_for_node("with_everything") == 42
    (materialization,) = result.asset_materializations_for_node("with_everything")
    assert materialization.metadata["mine"].value == "with_everything"
    energies = {record.asset_key: record.energy_kwh for record in records(data_dir)}
    assert materialization.metadata["carbon/energy_kwh"].value == energies["with_everything"]
    assert set(energies) == {"plain", "with_everything"}


def test_an_asset_that_fails_keeps_its_exception_and_leaves_a_record(data_dir: Path) -> None:
    result = materialize(failing)
    assert not result.success
    assert "as it should" in str(result.failure_data_for_node("failing"))
    (record,) = records(data_dir)
    assert (record.status, record.asset_key, record.dagster_run_id) == ("failed", "failing", result.run_id)


def test_an_op_that_makes_no_asset_is_tracked_too(data_dir: Path) -> None:
    @dg.op
    @tracked
    def work() -> int:
        return 1

    @dg.job(
        resource_defs={
            "emissions": EmissionsResource(
                hardware=HardwareResource(), warehouse=WarehouseResource(), location=LocationResource()
            )
        }
    )
    def job() -> None:
        work()

    assert job.execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    (record,) = records(data_dir)
    assert (record.name, record.step_key, record.asset_key) == ("work", "work", None)


def test_outside_dagster_the_function_runs_as_it_is(data_dir: Path) -> None:
    @tracked
    def double(x: int) -> int:
        return 2 * x

    assert double(4) == 8
    assert landed_files(data_dir) == []


def test_what_cannot_be_measured_yet_is_refused_and_not_measured_wrongly() -> None:
    def numbers() -> Any:
        yield 1

    with pytest.raises(TypeError, match=r"numbers: @tracked measures plain functions"):
        tracked(numbers)
