"""The real CodeCarbon. These tests fail when an upgrade takes away what `tracking/meter.py` relies on."""

import logging
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.probes import hardware
from carbon_pipeline.tracking.meter import CodeCarbonMeter

CPU_METHODS = {"rapl", "emi", "power_gadget", "powermetrics", "pmic", "cpu_load", "constant"}


def test_codecarbon_still_exposes_how_it_measures() -> None:
    methods = CodeCarbonMeter().prepare()
    assert methods.cpu_method in CPU_METHODS
    assert methods.ram_method in {"estimated", "pmic"}
    if methods.cpu_method in {"cpu_load", "constant"}:
        assert methods.cpu_tdp_w
        assert methods.cpu_tdp_w > 0
        assert methods.cpu_tdp_source in ("table", "4_w_per_thread", "85_w")


def test_energies_of_many_readings_add_up_to_that_of_one_span() -> None:
    meter = CodeCarbonMeter()
    meter.prepare()
    meter.start()
    started = time.perf_counter()
    readings = []
    for _ in range(5):
        time.sleep(0.1)
        readings.append(meter.read())
    time.sleep(0.1)
    ended = time.perf_counter()
    last = meter.stop(ended)
    duration_s = ended - started
    energies = [reading.ram_energy_kwh for reading in (*readings, last)]
    assert energies == sorted(energies)
    assert last.ram_energy_kwh
    # The memory is reckoned with a constant power, so its mean power must not depend on how often it was read.
    ram_power_w = last.ram_energy_kwh * 3.6e6 / duration_s
    single = CodeCarbonMeter()
    single.prepare()
    single.start()
    started = time.perf_counter()
    time.sleep(0.3)
    ended = time.perf_counter()
    reading = single.stop(ended)
    assert reading.ram_energy_kwh
    assert ram_power_w == pytest.approx(reading.ram_energy_kwh * 3.6e6 / (ended - started), rel=0.1)


@pytest.mark.real_time
@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.2])
def test_a_short_run_keeps_the_energy_of_a_constant_power(data_dir: Path, seconds: float) -> None:
    def power_w(duration_s: float) -> float:
        with track("fit") as run:
            time.sleep(duration_s)
        assert run.record is not None
        assert run.record.ram_power_w is not None
        return run.record.ram_power_w

    # The median: a single run of milliseconds is at the mercy of whatever else this machine does.
    powers = [statistics.median(power_w(duration_s) for _ in range(7)) for duration_s in (seconds, 0.3)]
    assert powers[0] == pytest.approx(powers[1], rel=0.05 if seconds < 0.02 else 0.01)


@pytest.mark.real_time
def test_busy_python_code_beside_the_meter_costs_no_energy(data_dir: Path) -> None:
    powers = []
    for sample_s in (60.0, 0.25):
        with track("fit", sample_s=sample_s) as run:
            end = time.perf_counter() + 2
            while time.perf_counter() < end:
                pass
        assert run.record is not None
        powers.append(run.record.ram_power_w)
    assert powers[1] == pytest.approx(powers[0], rel=0.05)


def test_the_pue_is_in_the_energy(data_dir: Path) -> None:
    powers = []
    for pue in (1.0, 2.0):
        with track("fit", pue=pue) as run:
            time.sleep(0.3)
        assert run.record is not None
        assert run.record.ram_power_w
        powers.append(run.record.ram_power_w)
    assert powers[1] / powers[0] == pytest.approx(2, rel=0.1)


def test_a_stray_configuration_of_codecarbon_changes_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".codecarbon.config").write_text("[codecarbon]\npue = 3\nforce_ram_power = 500\nsave_to_file = true\n")
    monkeypatch.setenv("CODECARBON_PUE", "3")
    monkeypatch.setenv("CODECARBON_FORCE_CPU_POWER", "500")
    with track("fit") as run:
        time.sleep(0.3)
    record = run.record
    assert record is not None
    assert record.meter_error is None
    assert record.ram_power_w
    assert record.ram_power_w < 400
    assert record.cpu_tdp_w is None or record.cpu_tdp_w != 500
    assert not list(tmp_path.rglob("emissions*.csv"))
    said = str(record.meter_settings_ignored)
    assert "pue (CODECARBON_PUE)" in said
    assert f"force_ram_power ({tmp_path / '.codecarbon.config'})" in said
    assert "500" not in said  # names and places, never values: API keys are among them


def test_a_configuration_that_cannot_be_read_breaks_nothing_and_its_secrets_stay_in_it(
    data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / ".codecarbon.config").write_text("api_key=SECRET\n")
    with track("fit") as run:
        pass
    assert run.record is not None
    assert (run.record.meter_error, "meter_failed" in run.record.flags) == (None, False)
    assert run.record.meter_settings_ignored == "unreadable (MissingSectionHeaderError)"
    assert "SECRET" not in run.record.model_dump_json()


def test_a_long_run_does_not_fill_the_memory(data_dir: Path) -> None:
    meter = CodeCarbonMeter()
    meter.prepare()
    meter.start()
    for _ in range(300):
        meter.read()
    tracker = meter._tracker
    kept = [len(values) for name, values in vars(tracker).items() if name.endswith(("_history", "_tasks"))]
    assert len(kept) >= 5  # CodeCarbon's histories of CPU, memory and GPU, and its tasks
    assert max(kept) <= 1
    meter.stop(time.perf_counter())


def test_codecarbon_prints_nothing_on_the_terminal(data_dir: Path) -> None:
    script = "from carbon_pipeline import track\nwith track('fit'): pass"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_two_tracking_threads_print_nothing_and_restore_the_log_level(data_dir: Path) -> None:
    script = """
import logging, threading, time, codecarbon
from carbon_pipeline import track
def work(wait_s, seconds):
    time.sleep(wait_s)
    with track("fit", sample_s=0.2): time.sleep(seconds)
log = logging.getLogger("codecarbon")
before = log.level
threads = [threading.Thread(target=work, args=a) for a in ((0, 0.5), (0.2, 1.5))]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert log.level == before, (before, log.level)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tracking_leaves_the_signal_handlers_and_the_loggers_of_the_user_alone(data_dir: Path) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    root = list(logging.getLogger().handlers)
    with track("fit"):
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert list(logging.getLogger().handlers) == root


def test_no_file_is_left_in_the_working_folder(data_dir: Path, tmp_path: Path) -> None:
    with track("fit"):
        pass
    assert os.listdir(tmp_path) == ["data"]


def test_without_a_network_the_fallback_country_canada_appears_nowhere(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def no_network(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("CARBON_GEOLOCATION", "on")
    with track("fit") as run:
        pass
    assert run.record is not None
    assert run.landed_at is not None
    text = run.landed_at.read_text().lower()
    assert not any(word in text for word in ("canada", '"can"', "quebec", "46.8", "-71.2"))
    assert run.record.location_source == "unknown"
    assert run.record.intensity_source == "world_average"


def test_codecarbon_gets_the_cpu_name_without_a_slow_lookup(data_dir: Path) -> None:
    script = """
import cpuinfo
def slow(): raise AssertionError("py-cpuinfo was asked")
cpuinfo.get_cpu_info = slow
from carbon_pipeline.tracking.meter import CodeCarbonMeter
print(CodeCarbonMeter().prepare().cpu_method)
assert cpuinfo.get_cpu_info is slow
"""
    if hardware.cpu_model().source != "/proc/cpuinfo":
        pytest.skip("this system's kernel does not name the CPU in /proc/cpuinfo")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in CPU_METHODS


@pytest.mark.parametrize(
    "broken",
    [
        "codecarbon.OfflineEmissionsTracker.__init__",
        "codecarbon.OfflineEmissionsTracker.start_task",
        "codecarbon.OfflineEmissionsTracker.stop_task",
        "codecarbon.OfflineEmissionsTracker.get_detected_hardware",
        "codecarbon.core.config.get_hierarchical_config",
        "codecarbon.external.hardware.CPU.measure_power_and_energy",
        "codecarbon.external.ram.RAM.total_power",
        "carbon_pipeline.tracking.meter._tdp_source",
    ],
)
def test_whatever_fails_inside_codecarbon_the_work_goes_on(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("broken on purpose")

    monkeypatch.setattr(broken, fail)
    with track("fit") as run:
        done = sum(range(10))
    assert done == 45
    assert run.record is not None
    assert run.landed_at is not None
    assert run.record.duration_s > 0
    if "meter_failed" in run.record.flags:
        assert run.record.meter_error
        assert (run.record.energy_kwh, run.record.energy_low_kwh) == (None, None)
    else:  # CodeCarbon has dealt with it by itself
        assert run.record.energy_kwh is not None
