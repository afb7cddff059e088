"""`carbon-pipeline calibrate`: a dozen runs with a wall meter, and the later ones have a narrow interval."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline import track
from carbon_pipeline.model.calibration import CalibrationPoint, fit
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.summary import summary
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking.calibration import Calibrated, Way, find_calibrations, write_calibrations
from carbon_pipeline.tracking.doctor import examine
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse

HOST = {"CARBON_HOST_ID": "test machine"}


def carbon_command(data_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"CARBON_DATA_DIR": str(data_dir), "NO_COLOR": "1", "COLUMNS": "120", **HOST, **environment}
    command = [sys.executable, "-m", "carbon_pipeline", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | own, check=False)


def carbon_calibrate(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return carbon_command(data_dir, "calibrate", *arguments)


@pytest.fixture
def template(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    """A run as this machine measures it."""
    for name, value in HOST.items():
        monkeypatch.setenv(name, value)
    with track("work", data_dir=data_dir) as run:
        time.sleep(0.1)
    assert run.record
    assert run.landed_at
    run.landed_at.unlink()
    return run.record


def with_wall(template: RunRecord, number: int, watts: float, wall_w: float | None, **changes: Any) -> RunRecord:
    """A run of 20 s in which the meter saw a power, and a wall meter another one."""
    seconds = 20.0
    wall_kwh = None if wall_w is None else wall_w * seconds / J_PER_KWH
    ends = {} if wall_kwh is None else {"wall_low_kwh": 0.99 * wall_kwh, "wall_high_kwh": 1.01 * wall_kwh}
    started_at = template.started_at + timedelta(minutes=number)
    return template.model_copy(
        update={
            "run_id": f"{template.run_id[:-3]}{number:03}",
            "started_at": started_at,
            "ended_at": started_at + timedelta(seconds=seconds),
            "duration_s": seconds,
            "cpu_energy_kwh": watts * seconds / J_PER_KWH,
            "gpu_energy_kwh": 0.0,
            "ram_energy_kwh": 0.0,
            "samples": None,
            "flags": [],
            "wall_energy_kwh": wall_kwh,
            "wall_meter": "shelly 12345678",
            "wall_method": "shelly_counter",
            **ends,
            **changes,
        }
    )


def land_runs(template: RunRecord, data_dir: Path, count: int) -> None:
    for number in range(count):
        watts = 10.0 + 5 * number
        land(with_wall(template, number, watts, 22 + 1.15 * watts + (-1) ** number * 0.3), data_dir)


def test_a_dozen_runs_calibrate_the_machine_and_the_next_run_is_narrow(template: RunRecord, data_dir: Path) -> None:
    land_runs(template, data_dir, 12)
    done = carbon_calibrate(data_dir, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["host_id"] == "test machine"
    assert told["runs"] == 12
    assert told["valid"] is True
    assert 1 < told["width"] < 1.1
    (line,) = find_calibrations("test machine", data_dir)
    assert line.calibration.losses == pytest.approx(1.15, abs=0.01)
    power_w = (template.energy_kwh or 0) / template.duration_s * J_PER_KWH
    narrow = Calibrated(
        way=line.way,
        wall_meter=line.wall_meter,
        calibration=line.calibration.model_copy(
            update={"least_w": 0.0, "most_w": 10 * power_w, "least_s": 0.0, "mean_w": power_w}
        ),
    )
    write_calibrations("test machine", [narrow], data_dir)  # whatever this machine draws now
    with track("later", data_dir=data_dir) as run:
        time.sleep(0.1)
    record = run.record
    assert record
    assert record.interval_source == "calibrated"
    assert record.calibration_runs == 12
    assert record.calibration_last_at == line.calibration.last_at
    assert record.wall_estimate_kwh is not None
    assert record.energy_low_kwh is not None
    assert record.energy_high_kwh is not None
    assert record.energy_low_kwh <= record.wall_estimate_kwh <= record.energy_high_kwh
    assert "calibrated by 12 runs" in summary(record)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (row,) = [row for row in warehouse.report("runs") if row["name"] == "later"]
    for name in ("interval_source", "wall_estimate_kwh", "energy_low_kwh", "energy_high_kwh", "quality"):
        expected = getattr(record, name)
        assert row[name] == (pytest.approx(expected) if isinstance(expected, float) else expected), name
    (found,) = [finding for finding in examine(Settings(data_dir=data_dir)) if finding.what == "interval"]
    assert found.value == "calibrated by 12 runs"


def test_too_few_runs_are_told_with_how_many_are_needed(template: RunRecord, data_dir: Path) -> None:
    land_runs(template, data_dir, 2)
    assert json.loads(carbon_calibrate(data_dir, "--json").stdout) == {
        "host_id": "test machine",
        "runs": 2,
        "width": None,
        "valid": False,
    }
    shown = " ".join(carbon_calibrate(data_dir).stdout.split())
    assert "has 2 runs with a wall meter; 3 are needed, 10 are enough" in shown
    assert find_calibrations("test machine", data_dir) == []


def test_runs_that_cannot_calibrate_are_left_out(template: RunRecord, data_dir: Path) -> None:
    land_runs(template, data_dir, 5)
    land(with_wall(template, 50, 40, 900, wall_gap_s=3.0), data_dir)
    land(with_wall(template, 51, 40, 900, flags=["reads_failed"], cpu_gap_s=2.0), data_dir)
    land(with_wall(template, 52, 40, 900, machine_id="another"), data_dir)
    land(with_wall(template, 53, 40, 900, cpu_method="rapl"), data_dir)
    land(with_wall(template, -50, 40, 900, wall_meter="shelly 00000000"), data_dir)  # replaced since
    land(with_wall(template, 60, 40, 900, run_id="one of two"), data_dir)
    land(with_wall(template, 60, 40, 900, run_id="the other"), data_dir)
    told = json.loads(carbon_calibrate(data_dir, "--json").stdout)
    assert told["runs"] == 5
    assert told["width"] < 1.2


def test_a_new_wall_meter_takes_over_when_it_has_runs_enough_and_not_before(
    template: RunRecord, data_dir: Path
) -> None:
    land_runs(template, data_dir, 5)
    for number in (50, 51):
        land(with_wall(template, number, 10.0 * number, 900, wall_meter="shelly 00000000"), data_dir)
    told = json.loads(carbon_calibrate(data_dir, "--json").stdout)
    assert (told["runs"], told["wall_meter"]) == (5, "shelly 12345678")
    assert "2 runs with shelly 00000000: not in this line" in " ".join(carbon_calibrate(data_dir).stdout.split())
    land(with_wall(template, 52, 520.0, 900, wall_meter="shelly 00000000"), data_dir)
    told = json.loads(carbon_calibrate(data_dir, "--json").stdout)
    assert (told["runs"], told["wall_meter"]) == (3, "shelly 00000000")


def test_what_a_line_holds_for_is_said(template: RunRecord, data_dir: Path) -> None:
    for number in range(4):
        land(with_wall(template, number, 28.0, 60 + 0.2 * number), data_dir)
    shown = carbon_calibrate(data_dir).stdout
    assert "All runs had the same power" in shown
    assert "for runs of 10 s at least in which the meter sees about 28 to 28 W" in shown
    assert max(map(len, shown.splitlines())) > 200  # nothing is torn apart where there is no terminal


def test_a_calibration_expires_with_hardware_and_methods_and_says_so(template: RunRecord, data_dir: Path) -> None:
    way = Way.of(vars(template))
    points = [CalibrationPoint(10.0 * n, 20 + 11.0 * n, 20, template.ended_at) for n in range(1, 6)]
    calibration = fit(points, 0.01)
    assert calibration
    changes = ({"hardware": "another CPU"}, {"cpu_method": "constant"}, {"meter": "codecarbon 1.0"})
    for change in changes:
        line = Calibrated(way=way.model_copy(update=change), wall_meter="shelly 1", calibration=calibration)
        write_calibrations("test machine", [line], data_dir)
        with track("later", data_dir=data_dir) as run:
            pass
        assert run.record
        assert run.record.interval_source == "model"
        assert run.record.calibration_note is not None
        assert "does not hold" in run.record.calibration_note
        assert next(iter(change.values())) in run.record.calibration_note
        (found,) = [finding for finding in examine(Settings(data_dir=data_dir)) if finding.what == "interval"]
        assert found.note is not None
        assert "does not hold" in found.note


def test_outside_of_the_calibrated_powers_the_interval_is_that_of_the_model(
    template: RunRecord, data_dir: Path
) -> None:
    points = [CalibrationPoint(1e5 + n, 2e5 + n, 0.01, template.ended_at) for n in range(5)]
    calibration = fit(points, 0.01)
    assert calibration
    line = Calibrated(way=Way.of(vars(template)), wall_meter="shelly 1", calibration=calibration)
    write_calibrations("test machine", [line], data_dir)
    with track("later", data_dir=data_dir) as run:
        time.sleep(0.05)
    assert run.record
    assert run.record.interval_source == "model"
    assert "was not used" in (run.record.calibration_note or "")


def test_a_calibration_that_leaves_more_open_than_the_model_is_not_used(template: RunRecord, data_dir: Path) -> None:
    power_w = (template.energy_kwh or 0) / template.duration_s * J_PER_KWH
    scattered = [CalibrationPoint(power_w * n, 1000.0 * n**3, 0.01, template.ended_at) for n in (0.5, 1.0, 3.0)]
    calibration = fit(scattered, 0.01)
    assert calibration
    wide = calibration.model_copy(update={"least_w": 0.0, "most_w": 10 * power_w, "least_s": 0.0})
    line = Calibrated(way=Way.of(vars(template)), wall_meter="shelly 1", calibration=wide)
    write_calibrations("test machine", [line], data_dir)
    with track("later", data_dir=data_dir) as run:
        time.sleep(0.05)
    assert run.record
    assert run.record.interval_source == "model"
    assert "more open than the model" in (run.record.calibration_note or "")


def test_a_log_of_a_wall_meter_is_added_to_a_run_that_has_ended(template: RunRecord, data_dir: Path) -> None:
    record = with_wall(template, 0, 30, None, wall_meter=None, wall_method=None)
    land(record, data_dir)
    log = data_dir / "plug.csv"
    times = [record.started_at + timedelta(seconds=second) for second in range(-5, 30)]
    log.write_text("\n".join(["time,power_w", *(f"{at.isoformat()},60" for at in times)]) + "\n")
    done = carbon_calibrate(data_dir, "--wall", str(log), "--run", record.run_id, "--json")
    assert done.returncode == 0, done.stderr
    (run,) = Warehouse(data_dir).report("runs")
    assert run["wall_energy_kwh"] == pytest.approx(60 * 20 / J_PER_KWH)
    assert run["interval_source"] == "wall_meter"
    assert json.loads(done.stdout)["runs"] == 1
    again = carbon_calibrate(data_dir, "--wall", str(log), "--run", record.run_id)
    assert again.returncode == 2
    assert "has the energy of a wall meter already" in again.stderr
    rebuilt = carbon_command(data_dir, "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--wall", "plug.csv"), "belong together"),
        (("--run", "abc"), "belong together"),
        (("--wall", "plug.csv", "--run", "nobody"), "nobody"),
    ],
)
def test_what_is_missing_for_a_log_is_told(data_dir: Path, arguments: tuple[str, ...], said: str) -> None:
    done = carbon_calibrate(data_dir, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_log_that_does_not_fit_the_run_names_file_and_line(template: RunRecord, data_dir: Path) -> None:
    record = with_wall(template, 0, 30, None, wall_meter=None, wall_method=None)
    land(record, data_dir)
    log = data_dir / "plug.csv"
    log.write_text("time,power_w\n2026-05-01T12:00:00Z,much\n")
    done = carbon_calibrate(data_dir, "--wall", str(log), "--run", record.run_id)
    assert done.returncode == 2
    assert "plug.csv, line 2, power_w: 'much' is no number" in done.stderr
