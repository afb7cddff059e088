"""The whole graph with the real meter and a real database, in this process."""

import csv
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.definitions import build_defs
from carbon_pipeline.model.fields import FIELD_NAMES
from carbon_pipeline.probes.location import Location
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import FakeMeter, make_record

ROOT = Path(__file__).parents[2]


def run_pipeline(run_config: dict[str, Any] | None = None, **overrides: Any) -> dg.ExecuteInProcessResult:
    return (
        build_defs(overrides)
        .resolve_job_def("pipeline")
        .execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=run_config, raise_on_error=False)
    )


def tracking_info(data_dir: Path) -> list[dict[str, str]]:
    with (data_dir / "tracking_info.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_whole_way_works_and_every_number_of_it_agrees(data_dir: Path) -> None:
    result = run_pipeline()
    assert result.success
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {
        "field_record_is_sound": True,
        "energies_add_up": True,
        "intervals_hold": True,
        "no_fallback_location": True,
        "run_ids_are_unique": True,
        "nothing_is_lost": True,
        "boamps_reports_are_valid": True,
        "carbon_budget_per_month": True,
        "energy_regression": True,
    }
    (materialization,) = result.asset_materializations_for_node("regression_model")
    shown = {key: value.value for key, value in materialization.metadata.items()}
    (run,) = Warehouse(data_dir).report("runs")
    (row,) = tracking_info(data_dir)

    assert tuple(row) == FIELD_NAMES
    assert run["energy_kwh"] == float(row["energy_consumed"])
    assert shown["carbon/energy_kwh"] == pytest.approx(run["energy_kwh"])
    assert run["emissions_kg"] == float(row["emissions"])
    assert shown["carbon/emissions_kg"] == pytest.approx(run["emissions_kg"])
    assert run["duration_s"] == float(row["duration"])
    assert shown["carbon/duration_s"] == pytest.approx(run["duration_s"])
    assert shown["carbon/run_id"] == run["run_id"] == row["run_id"]
    parts = [float(row[f"{part}_energy"]) for part in ("cpu", "gpu", "ram")]
    assert sum(parts) == pytest.approx(float(row["energy_consumed"]), rel=1e-9)
    assert float(row["cpu_power"]) * 1000 == pytest.approx(run["cpu_power_w"])
    assert row["extra"] == f"codecarbon;cpu={run['cpu_method']};gpu={run['gpu_method']};ram={run['ram_method']}"
    assert (run["asset_key"], run["dagster_run_id"], run["source"]) == ("regression_model", result.run_id, "dagster")
    assert (run["project_name"], run["status"]) == ("Linear Regression Training", "completed")
    assert shown["slope (x)"] == pytest.approx(2.5, abs=0.2)
    (drawn,) = result.asset_materializations_for_node("loss_curve")
    assert str(drawn.metadata["loss_curve"].value).startswith("![loss curve](data:image/svg+xml;base64,")


def test_the_report_of_the_regression_is_filled_in_truly(data_dir: Path) -> None:
    import numpy as np

    shutil.copy(ROOT / "report_context.yaml", "report_context.yaml")
    assert run_pipeline({"ops": {"regression_model": {"config": {"epochs": 30}}}}).success
    (path,) = (data_dir / "reports" / "boamps").glob("*.json")
    report = json.loads(path.read_bytes())
    (algorithm,) = report["task"]["algorithms"]
    assert algorithm["trainingType"] == "supervisedLearning"
    assert (algorithm["framework"], algorithm["frameworkVersion"]) == ("numpy", np.__version__)
    assert (algorithm["parametersNumber"], algorithm["epochsNumber"]) == (2e-9, 30)
    (dataset,) = report["task"]["dataset"]
    assert (dataset["shape"], dataset["dataQuantity"]) == ("(100, 2)", 100)
    assert report["header"]["publisher"]["projectName"] == "Linear Regression Training"


def test_the_task_in_an_assets_metadata_is_in_its_report(data_dir: Path) -> None:
    @dg.asset(metadata={"boamps/task": {"taskStage": "inference", "taskFamily": "chatbot"}})
    def answers(context: dg.AssetExecutionContext, carbon_emissions: EmissionsResource) -> None:
        with carbon_emissions.track(context, task={"taskFamily": "questionAnswering"}):
            pass

    assert dg.materialize([answers], resources=carbon_resources()).success
    (path,) = (data_dir / "landing").rglob("*.json")
    assert json.loads(path.read_bytes())["task"] == {"taskStage": "inference", "taskFamily": "questionAnswering"}


@pytest.mark.long
def test_a_second_run_adds_one_run_and_changes_nothing_else(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A place with negative degrees: they begin as a spreadsheet's formula does.
    lima = Location(
        country_iso_code="PE", country_name="Peru", region="Lima", latitude=-12.04, longitude=-77.03, source="ip-api"
    )
    monkeypatch.setattr(LocationResource, "probe_with", lambda self, settings: lima)
    run_pipeline()
    first_rows, first_runs = tracking_info(data_dir), Warehouse(data_dir).report("runs")
    run_pipeline()
    rows, runs = tracking_info(data_dir), Warehouse(data_dir).report("runs")
    assert rows[:1] == first_rows
    assert {float(row["longitude"]) for row in rows} == {-77.03}
    assert [run for run in runs if run["run_id"] == first_runs[0]["run_id"]] == first_runs
    assert len({row["run_id"] for row in rows}) == len(rows) == len(runs) == 2


def test_without_network_or_country_canada_appears_nowhere_in_the_pipeline(data_dir: Path) -> None:
    result = run_pipeline()
    assert result.success
    warehouse = Warehouse(data_dir)
    everything = json.dumps([warehouse.report("runs"), tracking_info(data_dir)], default=str)
    everything += "".join(path.read_text() for path in (data_dir / "landing").rglob("*.json"))
    everything += "".join(str(event) for event in result.all_events)
    for word in ("canada", "quebec", "-71.2"):
        assert word not in everything.lower()
    assert {run["country_iso_code"] for run in warehouse.report("runs")} == {None}


@pytest.mark.long
def test_the_configuration_of_a_resource_wins_over_the_environment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CARBON_COUNTRY_ISO_CODE", "DE")
    monkeypatch.setenv("CARBON_PUE", "1.1")
    emissions = EmissionsResource(
        hardware=HardwareResource(),
        warehouse=WarehouseResource(),
        location=LocationResource(country_iso_code="FRA"),
        pue=1.5,
    )
    run_pipeline(carbon_emissions=emissions)
    (run,) = Warehouse(data_dir).report("runs")
    assert (run["country_iso_code"], run["pue"]) == ("FR", 1.5)


def test_what_is_configured_at_launch_is_in_the_record(data_dir: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    result = run_pipeline(
        {
            "resources": {
                "carbon_location": {"config": {"country_iso_code": "FRA"}},
                "carbon_warehouse": {"config": {"data_dir": str(elsewhere)}},
                "carbon_emissions": {"config": {"pue": 1.3, "tracking_mode": "process"}},
            }
        }
    )
    assert result.success
    (run,) = Warehouse(elsewhere).report("runs")
    assert (run["country_iso_code"], run["pue"], run["tracking_mode"]) == ("FR", 1.3, "process")
    assert (elsewhere / "tracking_info.csv").exists()
    assert not data_dir.exists()


@pytest.mark.long
def test_a_resource_that_is_replaced_is_the_one_that_is_used(data_dir: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    result = run_pipeline(
        carbon_warehouse=WarehouseResource(data_dir=str(elsewhere)),
        carbon_location=LocationResource(country_iso_code="DE"),
    )
    assert result.success
    assert [run["country_iso_code"] for run in Warehouse(elsewhere).report("runs")] == ["DE"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ops": {"regression_model": {"config": {"backend": "jax"}}}},
        {"ops": {"regression_model": {"config": {"epochs": 0}}}},
        {"resources": {"carbon_emissions": {"config": {"tracking_mode": "Process"}}}},
    ],
)
def test_a_wrong_configuration_raises_and_measures_nothing(data_dir: Path, wrong: dict[str, Any]) -> None:
    try:
        result = run_pipeline(wrong)
    except dg.DagsterInvalidConfigError:
        return
    assert not result.success
    assert not (data_dir / "landing").exists()


@pytest.mark.long
def test_the_training_can_be_configured_with_a_csv_file_of_ones_own(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text("area,rooms,price\n50,2,100\n80,3,161\n120,5,239\n60,2,122\n")
    result = run_pipeline(
        {
            "ops": {
                "training_data": {
                    "config": {
                        "csv_file": str(tmp_path / "houses.csv"),
                        "feature_columns": ["area", "rooms"],
                        "target_column": "price",
                    }
                },
                "regression_model": {"config": {"standardize": True, "epochs": 100, "project_name": "houses"}},
            }
        }
    )
    assert result.success
    (materialization,) = result.asset_materializations_for_node("regression_model")
    assert {"slope (area)", "slope (rooms)"} <= set(materialization.metadata)
    assert Warehouse(data_dir).report("runs")[0]["project_name"] == "houses"


class FailingMeterEmissions(EmissionsResource):
    """CodeCarbon on a bad day."""

    def make_meter(self, tracking_mode: str, pue: float) -> FakeMeter:
        return FakeMeter(fails_in="start")


def test_a_meter_that_fails_does_not_stop_the_pipeline_and_shows_no_energy(data_dir: Path) -> None:
    emissions = FailingMeterEmissions(
        hardware=HardwareResource(), warehouse=WarehouseResource(), location=LocationResource()
    )
    result = run_pipeline(carbon_emissions=emissions)
    assert result.success
    (materialization,) = result.asset_materializations_for_node("regression_model")
    assert "carbon/energy_kwh" not in materialization.metadata
    (run,) = Warehouse(data_dir).report("runs")
    assert "meter_failed" in run["flags"]
    assert (run["energy_kwh"], run["emissions_kg"]) == (None, None)


def test_a_training_that_fails_still_counts(data_dir: Path) -> None:
    result = run_pipeline({"ops": {"regression_model": {"config": {"learning_rate": 100.0}}}})
    assert not result.success
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert (run["status"], run["asset_key"]) == ("failed", "regression_model")
    assert run["energy_kwh"] > 0


def test_the_sensor_asks_for_a_load_only_when_something_has_landed(data_dir: Path) -> None:
    instance = dg.DagsterInstance.ephemeral()
    defs = build_defs()
    (sensor,) = defs.sensors or []
    assert isinstance(sensor, dg.SensorDefinition)

    def requests() -> list[Any]:
        context = dg.build_sensor_context(instance, resources={"carbon_warehouse": WarehouseResource()})
        return list(sensor.evaluate_tick(context).run_requests or [])

    assert requests() == []
    landed = land(make_record(), data_dir)
    assert requests() == []  # more may follow, which the same run would load
    os.utime(landed, (time.time() - 20, time.time() - 20))
    (request,) = requests()
    assert request.run_key
    assert defs.resolve_job_def("load").execute_in_process(instance=instance).success
    assert requests() == []


@pytest.mark.long
def test_the_archive_job_puts_past_days_together(data_dir: Path) -> None:
    land(make_record(ended_at=datetime(2026, 1, 2, tzinfo=UTC)), data_dir)
    defs = build_defs()
    for name in ("load", "archive"):
        assert defs.resolve_job_def(name).execute_in_process(instance=dg.DagsterInstance.ephemeral()).success
    assert [path.suffix for path in (data_dir / "landing").iterdir()] == [".parquet"]


def test_the_names_in_the_ui_stay_the_same() -> None:
    defs = build_defs()
    keys = {key.to_user_string() for key in defs.resolve_all_asset_keys()}
    assert keys == {
        "idle_baseline", "training_data", "regression_model", "field_record", "runs", "reports", "boamps_reports",
        "report_page", "daily_report", "landing_archive", "loss_curve",
    }  # fmt: skip
    assert set(defs.resources or {}) == {
        "carbon_emissions", "carbon_hardware", "carbon_location", "carbon_warehouse", "carbon_report_context",
        "carbon_alerts",
    }  # fmt: skip
    assert {job.name for job in defs.jobs or []} == {"pipeline", "load", "archive", "report_days"}
    assert {schedule.name for schedule in defs.schedules or []} == {
        "daily_pipeline", "daily_archive", "daily_report_schedule",
    }  # fmt: skip
    assert [sensor.name for sensor in defs.sensors or []] == ["landed_records"]
    dg.Definitions.validate_loadable(defs)


def test_nothing_is_written_outside_the_data_folder(data_dir: Path, tmp_path: Path) -> None:
    run_pipeline()
    assert os.listdir(tmp_path) == ["data"]
    assert sorted(path.name for path in data_dir.iterdir() if not path.name.startswith(".")) == [
        "baseline",
        "cache",
        "inbox",
        "landing",
        "reports",
        "reports.duckdb",
        "running",
        "tracking_info.csv",
        "warehouse.duckdb",
        "warehouse.duckdb.lock",
    ]
