"""The idle baseline: measured once, kept per host, carried by later runs."""

import os
import time
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking import baseline
from carbon_pipeline.tracking.baseline import find_baseline, measure_baseline
from carbon_pipeline.tracking.meter import MeterError, Reading
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import FakeMeter


def test_a_later_run_shows_what_it_used_above_the_idle_machine(data_dir: Path) -> None:
    measured = measure_baseline(read_settings(baseline_s=1.0))
    assert find_baseline(data_dir) == measured
    assert measured.power_w > 0
    assert measured.duration_s >= 1.0
    assert os.listdir(data_dir / "baseline")
    with track("fit") as run:
        time.sleep(0.2)
    record = run.record
    assert record is not None
    assert record.energy_kwh is not None
    assert (record.idle_energy_kwh, record.idle_duration_s) == (measured.energy_kwh(), measured.duration_s)
    idle_kwh = measured.power_w * record.duration_s / 3.6e6
    assert record.energy_above_idle_kwh == pytest.approx(record.energy_kwh - idle_kwh)
    assert "short_baseline" in record.flags

    warehouse = Warehouse(data_dir)
    warehouse.load()
    (row,) = warehouse.report("runs")  # the baseline itself is no run
    assert row["energy_above_idle_kwh"] == pytest.approx(record.energy_above_idle_kwh)
    assert row["idle_measured_at"] == measured.measured_at


def test_without_a_baseline_no_idle_energy_is_recorded(data_dir: Path) -> None:
    with track("fit", make_meter=FakeMeter()) as run:
        pass
    assert run.record is not None
    assert (run.record.idle_energy_kwh, run.record.energy_above_idle_kwh) == (None, None)


def test_a_baseline_of_other_methods_or_another_host_is_not_used(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_baseline(read_settings(baseline_s=0.01), FakeMeter())
    by_rapl = FakeMeter(Reading(2e-6, None, 1e-6, "rapl", "none", "estimated"))
    with track("fit", make_meter=by_rapl) as run:
        pass
    assert run.record is not None
    assert run.record.idle_energy_kwh is None
    with track("fit", make_meter=FakeMeter(), tracking_mode="process") as run:
        pass
    assert run.record is not None
    assert run.record.idle_energy_kwh is None
    monkeypatch.setattr(baseline.socket, "gethostname", lambda: "../another host/")
    assert find_baseline(data_dir) is None
    measure_baseline(read_settings(baseline_s=0.01), FakeMeter())
    assert len(os.listdir(data_dir / "baseline")) == 2


def test_the_pue_of_a_run_is_in_its_idle_energy_too(data_dir: Path) -> None:
    measured = measure_baseline(read_settings(baseline_s=0.01, pue=1.5), FakeMeter())
    with track("fit", make_meter=FakeMeter(), pue=2) as run:
        pass
    assert run.record is not None
    assert measured.energy_kwh() == pytest.approx(3e-6)
    assert run.record.idle_energy_kwh == pytest.approx(6e-6)


def test_a_busy_machine_during_the_baseline_is_detected(data_dir: Path) -> None:
    def work(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    count = os.cpu_count() or 1
    measured = measure_baseline(read_settings(baseline_s=0.5), FakeMeter(), wait=work)
    assert measured.load is not None
    assert measured.load > 0.5 / count
    assert measured.is_busy == (measured.load > 0.1)


@pytest.mark.parametrize("call", ["make", "prepare", "start", "stop"])
def test_a_failing_meter_raises_and_keeps_no_baseline(data_dir: Path, call: str) -> None:
    with pytest.raises(MeterError, match=f"no {call} today"):
        measure_baseline(read_settings(baseline_s=0.01), FakeMeter(fails_in=call))
    assert find_baseline(data_dir) is None


def test_a_damaged_baseline_is_none(data_dir: Path) -> None:
    measure_baseline(read_settings(baseline_s=0.01), FakeMeter())
    (path,) = (data_dir / "baseline").iterdir()
    path.write_text("{")
    assert find_baseline(data_dir) is None
    with track("fit", make_meter=FakeMeter()) as run:
        pass
    assert run.record is not None
