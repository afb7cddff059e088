import json
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.probes.hardware import Hardware
from carbon_pipeline.probes.sourced import Sourced
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.intensity import find_intensity
from carbon_pipeline.tracking.landing import landed_files
from carbon_pipeline.tracking.meter import Reading
from carbon_pipeline.tracking.metering import Metering
from carbon_pipeline.tracking.run import TrackedRun
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import FakeMeter
from carbon_pipeline_tests.waiting import wait_until


def test_a_tracked_block_leaves_a_record_on_disk(data_dir: Path) -> None:
    with track("fit", project_name="my project", country_iso_code="FRA", make_meter=FakeMeter()) as run:
        time.sleep(0.02)
    record = run.record
    assert record is not None
    assert (record.name, record.project_name, record.status, record.source) == (
        "fit",
        "my project",
        "completed",
        "track",
    )
    assert (record.country_iso_code, record.country_name, record.location_source) == ("FR", "France", "configured")
    assert record.duration_s == pytest.approx(0.02, abs=0.02)
    assert (record.ended_at - record.started_at).total_seconds() == pytest.approx(record.duration_s, abs=1e-5)
    assert record.emissions_kg == pytest.approx(3e-6 * record.carbon_intensity_g_per_kwh / 1000)

    (landed,) = landed_files(data_dir)
    assert landed == run.landed_at
    assert json.loads(landed.read_text())["run_id"] == run.run_id


def test_work_that_fails_keeps_its_exception_and_leaves_a_record(data_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError), track("fit", make_meter=FakeMeter()) as run:
        _ = 1 / 0
    assert run.record is not None
    assert (run.record.status, run.record.error_type) == ("failed", "ZeroDivisionError")
    assert run.record.energy_kwh == pytest.approx(3e-6)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    assert [row["error_type"] for row in warehouse.report("runs")] == ["ZeroDivisionError"]


def test_work_that_is_interrupted_leaves_a_record(data_dir: Path) -> None:
    with pytest.raises(KeyboardInterrupt), track("fit", make_meter=FakeMeter()) as run:
        raise KeyboardInterrupt
    assert run.record is not None
    assert run.record.status == "cancelled"


@pytest.mark.parametrize("call", ["make", "prepare", "start", "stop"])
def test_a_failing_meter_never_breaks_the_work_and_invents_no_energy(data_dir: Path, call: str) -> None:
    with track("fit", make_meter=FakeMeter(fails_in=call)) as run:
        worked = True
    assert worked
    assert run.record is not None
    assert {*run.record.flags} - {"short_run"} == {"meter_failed"}
    assert f"no {call} today" in str(run.record.meter_error)
    assert (run.record.energy_kwh, run.record.emissions_kg, run.record.gpu_energy_kwh) == (None, None, None)


def test_a_meter_that_fails_half_way_gives_no_half_energy(data_dir: Path) -> None:
    meter = FakeMeter(fails_in="read")
    with track("fit", make_meter=meter, sample_s=0.01) as run:
        wait_until(lambda: "read" in meter.calls)
    assert run.record is not None
    assert "meter_failed" in run.record.flags
    assert run.record.energy_kwh is None


def test_the_meter_is_read_while_the_work_goes_on(data_dir: Path) -> None:
    meter = FakeMeter()
    with track("fit", make_meter=meter, sample_s=0.02):
        wait_until(lambda: meter.calls.count("read") >= 3)
    assert meter.calls[-1] == "stop"


def test_a_wrong_setting_never_breaks_the_work_and_is_recorded(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_PUE", "much")
    with track("fit", country_iso_code="Atlantis", make_meter=FakeMeter()) as run:
        pass
    assert run.record is not None
    assert "settings_ignored" in run.record.flags
    assert "CARBON_PUE='much'" in str(run.record.settings_error)
    assert "'Atlantis'" in str(run.record.settings_error)
    assert (run.record.pue, run.record.country_iso_code) == (1.0, None)


def test_a_data_folder_that_cannot_be_written_never_breaks_the_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where a folder should be")
    with caplog.at_level(logging.ERROR), track("fit", data_dir=in_the_way, make_meter=FakeMeter()) as run:
        pass
    assert run.record is not None
    assert run.landed_at is None
    assert "could not be written" in caplog.text


def test_without_a_country_the_world_average_is_marked_as_such(data_dir: Path) -> None:
    with track("fit", make_meter=FakeMeter()) as run:
        pass
    record = run.record
    assert record is not None
    assert (record.country_iso_code, record.country_name, record.location_source) == (None, None, "unknown")
    assert (record.carbon_intensity_g_per_kwh, record.intensity_source) == (find_intensity().g_per_kwh, "world_average")


def with_gpus(count: int | None) -> Hardware:
    return Hardware(gpu_count=Sourced(value=count, source="nvml"))


@pytest.mark.parametrize(
    ("count", "measured", "energy", "flag"),
    [(0, None, 0.0, False), (None, None, None, True), (2, None, None, True), (2, 5e-6, 5e-6, False)],
)
def test_no_gpu_is_a_real_zero_and_a_gpu_that_was_not_measured_is_none(
    data_dir: Path, count: int | None, measured: float | None, energy: float | None, flag: bool
) -> None:
    method = "none" if measured is None else "nvml_counter"
    meter = FakeMeter(Reading(1e-6, measured, 1e-6, "rapl", method, "estimated"))
    with TrackedRun("fit", settings=read_settings(), make_meter=meter, probe_hardware=lambda: with_gpus(count)) as run:
        pass
    assert run.record is not None
    assert run.record.gpu_energy_kwh == energy
    assert ("gpu_not_measured" in run.record.flags) == flag


def test_a_meter_that_hangs_does_not_hang_the_work(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbon_pipeline.tracking.metering.METER_TIMEOUT_S", 0.1)

    begun, is_over = threading.Event(), threading.Event()

    class Hanging(FakeMeter):
        def read(self) -> Reading:
            begun.set()
            is_over.wait(60)
            return self.reading

    with track("fit", make_meter=Hanging(), sample_s=0.01) as run:
        assert begun.wait(60)
    is_over.set()
    assert run.record is not None
    assert "meter_failed" in run.record.flags


def test_gpu_energy_is_not_zero_where_gpus_could_not_be_probed(data_dir: Path) -> None:
    nobody = Hardware(gpu_count=Sourced(value=0, source="unknown", reason="no NVML, no PCI bus"))
    with TrackedRun("fit", settings=read_settings(), make_meter=FakeMeter(), probe_hardware=lambda: nobody) as run:
        pass
    assert run.record is not None
    assert run.record.gpu_energy_kwh is None
    assert {"gpu_not_measured", "energy_missing"} <= set(run.record.flags)


def test_a_block_is_measured_once(data_dir: Path) -> None:
    run = track("fit", make_meter=FakeMeter())
    with run:
        pass
    landed = [path.read_text() for path in landed_files(data_dir)]
    with pytest.raises(RuntimeError, match="call track"), run:
        pass
    assert [path.read_text() for path in landed_files(data_dir)] == landed


def test_a_child_forked_inside_the_block_leaves_the_record_to_its_parent(data_dir: Path) -> None:
    with track("fit", make_meter=FakeMeter()) as run:
        child = os.fork()
        if child == 0:
            try:
                run.__exit__(None, None, None)
            finally:
                os._exit(len(landed_files(data_dir)))
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(landed_files(data_dir)) == 1


def test_an_interrupt_while_it_begins_leaves_no_thread_behind(data_dir: Path) -> None:
    class Interrupted(FakeMeter):
        def start(self) -> None:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), track("fit", make_meter=Interrupted()):
        pass
    # (Timers of a CodeCarbon that was broken on purpose come and go.)
    wait_until(lambda: {t for t in threading.enumerate() if t.name.startswith("carbon_pipeline")} <= before)


@pytest.mark.parametrize("odd", [5, Path("x"), "", "half \ud800 a letter", "two\nlines"])
def test_an_odd_name_never_costs_the_record(data_dir: Path, odd: object) -> None:
    with track(odd, project_name=odd, experiment_id=odd, tracking_mode="Process", make_meter=FakeMeter()) as run:  # type: ignore[arg-type]
        pass
    assert run.landed_at is not None
    assert run.record is not None
    assert run.record.tracking_mode == "machine"
    assert "TRACKING_MODE='Process'" in str(run.record.settings_error)


def test_a_misspelt_argument_raises_before_the_work_begins() -> None:
    with pytest.raises(TypeError, match="projekt_name"):
        track("fit", projekt_name="my project")  # type: ignore[call-arg]


def test_two_runs_never_share_an_id(data_dir: Path) -> None:
    ids = set()
    for _ in range(3):
        with track("fit", make_meter=FakeMeter()) as run:
            pass
        ids.add(run.run_id)
    assert len(ids) == 3
    assert "5b0fa12a-3dd7-45bb-9766-cc326314d9f1" not in ids


def test_mode_and_pue_reach_the_meter(data_dir: Path) -> None:
    meter = FakeMeter()
    with track("fit", make_meter=meter, tracking_mode="process", pue=1.4) as run:
        pass
    assert meter.calls[0] == "make process 1.4"
    assert run.record is not None
    assert (run.record.tracking_mode, run.record.pue) == ("process", 1.4)


@pytest.mark.parametrize("kwh", [-1.0, float("nan"), float("inf")])
def test_an_impossible_reading_counts_as_a_failed_meter_and_the_record_is_kept(data_dir: Path, kwh: float) -> None:
    meter = FakeMeter()
    with track("fit", make_meter=meter) as run:
        meter.reading = replace(meter.reading, cpu_energy_kwh=kwh)
    assert run.record is not None
    assert run.landed_at is not None
    assert "cpu_energy_kwh" in str(run.record.meter_error)
    assert run.record.energy_kwh is None


def test_a_heartbeat_comes_however_seldom_the_meter_is_to_be_read(data_dir: Path) -> None:
    with track("fit", make_meter=FakeMeter(), sample_s=60, heartbeat_s=0.05) as run:
        (heartbeat,) = (data_dir / "running").iterdir()
        first = heartbeat.read_text()
        wait_until(lambda: heartbeat.read_text() != first)
    assert run.record is not None
    assert run.record.sample_s == 0.05


def test_a_handler_of_the_user_that_exits_is_obeyed_whenever_the_signal_comes(data_dir: Path) -> None:
    class Interrupted(FakeMeter):
        def prepare(self) -> Reading:
            signal.raise_signal(signal.SIGTERM)
            return super().prepare()

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    try:
        with pytest.raises(SystemExit), track("fit", make_meter=Interrupted()):
            raise AssertionError("the work went on")
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_meter_that_has_failed_is_stopped_all_the_same(data_dir: Path) -> None:
    meter = FakeMeter(fails_in="start")
    with track("fit", make_meter=meter):
        pass
    assert meter.calls[-1] == "stop"


def test_a_meter_that_was_only_asked_how_it_would_measure_ends_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    metering = Metering(FakeMeter, 1.0, lambda reading: None)
    metering.prepare()
    metering.stop(0.0)
    assert metering.error is None
    assert caplog.records == []
