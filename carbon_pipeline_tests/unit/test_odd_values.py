"""What no record can hold never becomes one, and never costs the record of the work either."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from carbon_pipeline import track
from carbon_pipeline.model.quantities import LONGEST_LABEL, LONGEST_TASK, LONGEST_TEXT
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.settings import SettingsError, read_settings
from carbon_pipeline.tracking import run as run_module
from carbon_pipeline.tracking.landing import landed_files
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import FakeMeter, make_record


def nested(levels: int) -> dict[str, Any]:
    inner: Any = "end"
    for _ in range(levels - 1):
        inner = [inner]
    return {"a": inner}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run_id", "../../outside"),
        ("run_id", "a/b"),
        ("run_id", "a\\b"),
        ("run_id", "a\0b"),
        ("run_id", ".hidden"),
        ("run_id", "é" * 101),
        ("process_cpu_s", -1.0),
        ("host_cpu_s", 1e300),
        ("started_at", datetime(1, 1, 1, tzinfo=UTC)),
        ("started_at", datetime(1970, 1, 1, tzinfo=UTC)),
        ("ended_at", datetime(9999, 12, 31, tzinfo=UTC)),
        ("idle_measured_at", datetime(1970, 1, 1, tzinfo=UTC)),
        ("duration_s", 1e300),
        ("carbon_intensity_g_per_kwh", 5000.1),
        ("intensity_year", 10**12),
        ("sample_s", float("inf")),
        ("idle_duration_s", float("inf")),
        ("ram_gb", 1e300),
        ("gpu_memory_gb", 1e300),
        ("cpu_tdp_w", 1e300),
        ("sample_count", 2**40),
        ("task", nested(33)),
        ("task", nested(200)),
        ("task", {"a": "x" * LONGEST_TASK}),
        ("flags", ["x" * (LONGEST_LABEL + 1)]),
        ("flags", ["x"] * 101),
        ("project_name", "x" * (LONGEST_LABEL + 1)),
        ("host", "x" * (LONGEST_LABEL + 1)),
        ("meter_error", "x" * (LONGEST_TEXT + 1)),
    ],
)
def test_an_absurd_value_never_becomes_a_record(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        RunRecord.model_validate({**make_record().model_dump(), field: value})
    text = json.dumps({**make_record().model_dump(mode="json"), field: value}, default=str)
    with pytest.raises(ValidationError, match=rf"{field}|Invalid JSON"):
        RunRecord.model_validate_json(text)


def test_large_values_that_are_possible_are_recorded() -> None:
    fields = {
        "run_id": "x" * 200,
        "task": nested(32),
        "project_name": "é" * LONGEST_LABEL,
        "meter_error": "x" * LONGEST_TEXT,
        "process_cpu_s": 1e11,
        "carbon_intensity_g_per_kwh": 5000.0,
    }
    record = make_record(**fields)
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


def test_one_absurd_record_is_quarantined_with_the_reason_and_the_rest_is_loaded(data_dir: Path) -> None:
    day = data_dir / "landing" / "2026-11-24"
    day.mkdir(parents=True)
    for number, changes in enumerate(({"process_cpu_s": -1.0}, {"task": nested(200)}, {"run_id": "../../x"}, {})):
        record = make_record().model_dump(mode="json") | changes
        (day / f"{number}.json").write_text(json.dumps(record))
    warehouse = Warehouse(data_dir)
    warehouse.load()
    assert warehouse.count() == 1
    reasons = [row["reason"] for row in warehouse.rows("SELECT reason FROM raw.quarantine ORDER BY source_file")]
    assert reasons[0].startswith("process_cpu_s: Input should be greater than or equal to 0")
    assert reasons[1].startswith("file: Invalid JSON: recursion limit exceeded") or "32 levels" in reasons[1]
    assert reasons[2].startswith("run_id: Value error, a run ID names a file")
    assert warehouse.load() == []


def looping() -> dict[str, Any]:
    task: dict[str, Any] = {}
    task["a"] = task
    return task


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"project_name": "x" * 20_000}, "CARBON_PROJECT_NAME"),
        ({"experiment_id": "x" * 20_000}, "experiment_id"),
        ({"country_iso_code": "FR" * 10_000}, "CARBON_COUNTRY_ISO_CODE"),
        ({"country_iso_code": "FR", "region": "x" * 20_000}, "CARBON_REGION"),
        ({"cloud_provider": "x" * 20_000}, "CLOUD_PROVIDER"),
        ({"carbon_intensity_g_per_kwh": 1e6}, "CARBON_INTENSITY_G_PER_KWH"),
        ({"sample_s": 1e300, "heartbeat_s": 1e300}, "CARBON_SAMPLE_S"),
        ({"task": nested(33)}, "task"),
        ({"task": nested(3000)}, "task"),
        ({"task": looping()}, "task"),
        ({"task": {"a": "x" * LONGEST_TASK}}, "task"),
        ({"task": {"a": 10**5000}}, "task"),
    ],
)
def test_a_setting_out_of_range_is_left_out_and_named_and_the_record_is_kept(
    data_dir: Path, options: dict[str, Any], named: str
) -> None:
    with track("fit", make_meter=FakeMeter(), **options) as run:
        pass
    assert run.record is not None
    assert landed_files(data_dir) == [run.landed_at]
    assert "settings_ignored" in run.record.flags
    assert named in str(run.record.settings_error)
    assert len(str(run.record.settings_error)) < 2000
    assert run.record.energy_kwh == pytest.approx(3e-6)
    assert (run.record.project_name, run.record.experiment_id, run.record.task) == ("carbon_pipeline", None, None)


def test_an_absurd_name_costs_no_record(data_dir: Path) -> None:
    with track("x" * 20_000, make_meter=FakeMeter()) as run:
        pass
    assert run.record is not None
    assert run.landed_at is not None
    assert run.record.name == "work"
    assert "name is not usable" in str(run.record.settings_error)


def test_a_meter_that_fails_with_a_long_message_costs_no_record(data_dir: Path) -> None:
    class Wordy(FakeMeter):
        def start(self) -> None:
            raise RuntimeError("no start today " + "x" * 20_000)

    with track("fit", make_meter=Wordy()) as run:
        pass
    assert run.record is not None
    assert run.landed_at is not None
    assert str(run.record.meter_error).startswith("RuntimeError: no start today")


def test_a_machine_whose_clock_is_not_set_keeps_its_records(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(1970, 1, 1, 0, 1, tzinfo=tz)

    monkeypatch.setattr(run_module, "datetime", Clock)
    with track("fit", make_meter=FakeMeter()) as run:
        pass
    assert run.record is not None
    assert run.landed_at is not None
    assert run.record.started_at == run.record.ended_at == datetime(2015, 1, 1, tzinfo=UTC)
    assert "started_at is not usable: 1970-01-01 00:01:00+00:00" in str(run.record.settings_error)


def test_an_impossible_amount_of_energy_counts_as_a_failed_meter(data_dir: Path) -> None:
    meter = FakeMeter()
    with track("fit", make_meter=meter) as run:
        meter.reading = type(meter.reading)(2e9, None, 1e-6, "cpu_load", "none", "estimated", 8.0, "table")
    assert run.record is not None
    assert run.record.energy_kwh is None
    assert "meter_failed" in run.record.flags


def test_a_setting_out_of_range_is_wrong_input_elsewhere() -> None:
    with pytest.raises(SettingsError, match=r"CARBON_PROJECT_NAME='x+.* is not usable: String should have at most"):
        read_settings(project_name="x" * 20_000)
