"""Energy in joules of a machine whose counters are known: single runs, their phases, and a meter that misbehaves.

What several runs share: test_shares_in_joules.py.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from carbon_pipeline import metric, phase, track
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import MOST_PHASES
from carbon_pipeline.tracking.run import TrackedRun
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fake_machine import HERE, J_PER_KWH, LOADS, RANGE_J, FakeMachine, Fault
from carbon_pipeline_tests.waiting import wait_until

pytestmark = pytest.mark.real_time


@pytest.fixture
def machine(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """A machine that draws 100 W, and 10 W for its memory; its curves can still be changed."""
    fake = FakeMachine(tmp_path / "machine").install(monkeypatch.setattr)
    with track("the first one of a process loads everything", data_dir=tmp_path / "elsewhere"):
        pass
    fake.origin = time.perf_counter()
    return fake


class Span:
    """A tracked run, and what the machine drew meanwhile."""

    def __init__(self, machine: FakeMachine, **options: float):
        self.machine = machine
        self.run = track("fit", **{"sample_s": 0.1, **options})  # type: ignore[arg-type]

    def __enter__(self) -> "Span":
        self.run.__enter__()
        self.began_s = self.machine.now_s
        return self

    def __exit__(self, *error: object) -> None:
        self.ended_s = self.machine.now_s
        self.run.__exit__(None, None, None)

    @property
    def record(self) -> RunRecord:
        assert self.run.record is not None
        return self.run.record

    @property
    def true_j(self) -> float:
        """What the packages drew."""
        return self.machine.cpu_j(self.ended_s) - self.machine.cpu_j(self.began_s)

    @property
    def cpu_j(self) -> float:
        """What the record says that they drew."""
        assert self.record.cpu_energy_kwh is not None
        return self.record.cpu_energy_kwh * J_PER_KWH

    @property
    def flags(self) -> set[str]:
        return set(self.record.flags) - {"short_run"}

    @property
    def width(self) -> float:
        """How wide the interval is, over the energy."""
        assert self.record.energy_low_kwh is not None
        assert self.record.energy_high_kwh is not None
        assert self.record.energy_kwh
        return (self.record.energy_high_kwh - self.record.energy_low_kwh) / self.record.energy_kwh


def sleep_until(machine: FakeMachine, at_s: float) -> None:
    time.sleep(max(at_s - machine.now_s, 0))


def in_span(began: float, ended: float, answer: Callable[[float, float], float | None]) -> Fault:
    """A fault between two times, seconds."""
    return lambda at_s, value_j: answer(at_s, value_j) if began <= at_s < ended else value_j


def once(began: float, answer: Callable[[float, float], float | None]) -> Fault:
    """A fault of the first reading after a time, seconds: however late a busy machine makes it."""
    answered: list[float] = []

    def fault(at_s: float, value_j: float) -> float | None:
        if at_s < began or answered:
            return value_j
        answered.append(at_s)
        return answer(at_s, value_j)

    return fault


# The meter


@pytest.mark.parametrize("load", ["constant", "ramp", "burst"])
def test_the_energy_of_a_run_is_what_the_machine_drew(machine: FakeMachine, load: str) -> None:
    machine.cpu = LOADS[load][0]
    with Span(machine) as span:
        sleep_until(machine, 1.3)
    assert span.cpu_j == pytest.approx(span.true_j, rel=0.01)
    assert span.record.ram_power_w == pytest.approx(machine.ram_w, rel=0.01)
    assert span.record.cpu_method == "rapl"
    assert span.flags == set()


@pytest.mark.parametrize("packages", [2, 4])
def test_no_package_is_lost_or_counted_twice(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, packages: int
) -> None:
    machine.packages = packages
    machine.install(monkeypatch.setattr)
    with Span(machine) as span:
        time.sleep(0.5)
    assert span.cpu_j == pytest.approx(span.true_j, rel=0.01)


@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.1])
def test_a_run_shorter_than_the_sampling_keeps_its_energy(machine: FakeMachine, seconds: float) -> None:
    shares = []
    for _ in range(9):
        with Span(machine, sample_s=1) as span:
            time.sleep(seconds)
        shares.append(span.cpu_j / span.true_j)
    assert sorted(shares)[4] == pytest.approx(1, abs=0.02)


def test_a_run_begins_when_its_curve_does(machine: FakeMachine) -> None:
    early_s = []
    for _ in range(5):
        with Span(machine) as span:
            pass
        began_at = time.time() - machine.now_s + span.began_s
        early_s.append(began_at - span.record.started_at.timestamp())
    assert sorted(early_s)[2] == pytest.approx(0, abs=3e-4)


def test_the_power_over_time_is_that_of_the_machine(machine: FakeMachine, data_dir: Path) -> None:
    machine.cpu = LOADS["burst"][0]
    with Span(machine) as span:
        sleep_until(machine, 1.2)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    rows = warehouse.report("power")
    assert len(rows) >= 3
    origin_at = time.time() - machine.now_s
    for row in rows:
        at_s = row["at"].timestamp() - origin_at
        drawn_j = machine.cpu_j(at_s) - machine.cpu_j(at_s - row["duration_s"])
        assert row["cpu_power_w"] * row["duration_s"] == pytest.approx(drawn_j, abs=2)  # 430 W begins or ends within it
    assert sum(row["cpu_power_w"] * row["duration_s"] for row in rows) == pytest.approx(span.true_j, rel=0.01)


# A meter that misbehaves


def test_a_counter_that_wraps_around_loses_nothing(machine: FakeMachine) -> None:
    machine.begins_at_j = RANGE_J - 50
    with Span(machine) as span:
        sleep_until(machine, 1)
    assert span.cpu_j == pytest.approx(span.true_j, rel=0.01)
    assert span.flags == set()


GLITCHES: dict[str, Fault] = {
    "one lower reading": once(0.45, lambda at_s, value_j: value_j - 60),
    "one reading of 0": once(0.45, lambda at_s, value_j: 0.0),
    "one higher reading": once(0.45, lambda at_s, value_j: value_j + 5000),
    "several lower readings": in_span(0.35, 0.75, lambda at_s, value_j: value_j - 500),
    "starts anew": in_span(0.45, 9, lambda at_s, value_j: value_j - 1045),
    "starts anew at the end": in_span(0.95, 9, lambda at_s, value_j: value_j - 1095),
    "a jump": in_span(0.45, 9, lambda at_s, value_j: value_j + 30_000),
    "a higher reading at the end": in_span(0.95, 9, lambda at_s, value_j: value_j + 5000),
}


@pytest.mark.parametrize("fault", GLITCHES.values(), ids=GLITCHES)
def test_a_step_that_no_hardware_can_make_does_not_become_energy(machine: FakeMachine, fault: Fault) -> None:
    machine.fault = fault
    with Span(machine) as span:
        sleep_until(machine, 1.03)
    assert span.cpu_j == pytest.approx(span.true_j, rel=0.03)  # the counter does not tell what 0.1 s of 1 s used
    assert span.flags == {"counter_glitch"}


FAILURES: dict[str, tuple[float, float]] = {"at the start": (-1, 0.4), "in the middle": (0.35, 0.65)}


@pytest.mark.parametrize(("began", "ended"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("load", ["constant", "ramp"])
def test_readings_that_fail_for_a_while_cost_no_energy_and_show(
    machine: FakeMachine, began: float, ended: float, load: str
) -> None:
    machine.cpu = LOADS[load][0]
    machine.fault = in_span(began, ended, lambda at_s, value_j: None)
    with Span(machine) as span:
        sleep_until(machine, 1)
    is_known = began > 0 or load == "constant"  # the counter goes on while nobody reads it
    if is_known:
        assert span.cpu_j == pytest.approx(span.true_j, rel=0.01)
    low_kwh, high_kwh = span.record.energy_low_kwh, span.record.energy_high_kwh
    assert low_kwh is not None
    assert high_kwh is not None
    assert low_kwh * J_PER_KWH <= span.true_j <= high_kwh * J_PER_KWH
    assert span.flags == {"reads_failed"}
    gap_s = span.record.cpu_gap_s or 0
    # On a busy machine the run itself begins late.
    assert ended - span.began_s - 0.01 < gap_s <= span.record.duration_s if began < 0 else gap_s == 0


def test_a_counter_that_stays_away_ends_the_measurement_there_and_the_interval_covers_the_rest(
    machine: FakeMachine,
) -> None:
    with Span(machine) as whole:
        sleep_until(machine, 1)
    machine.origin = time.perf_counter()
    machine.fault = in_span(0.45, 99, lambda at_s, value_j: None)
    with Span(machine) as span:
        sleep_until(machine, 1)
    assert span.flags == {"reads_failed"}
    gap_s = span.record.cpu_gap_s or 0
    assert gap_s > 0.54
    assert span.cpu_j == pytest.approx(100 * (span.record.duration_s - gap_s), abs=1)
    high_kwh = span.record.energy_high_kwh
    assert high_kwh is not None
    assert high_kwh * J_PER_KWH > span.true_j
    assert span.width > 2 * whole.width


def test_a_counter_that_can_never_be_read_is_no_zero(machine: FakeMachine) -> None:
    machine.fault = lambda at_s, value_j: None
    with Span(machine) as span:
        time.sleep(0.3)
    assert span.record.cpu_energy_kwh is None
    assert {"reads_failed", "energy_missing"} <= span.flags
    assert span.record.energy_low_kwh is None


@pytest.mark.parametrize("load", ["constant", "ramp"])
@pytest.mark.parametrize("at_s", [0.0, 0.45, 0.95], ids=["first reading", "middle", "last reading"])
def test_a_reading_that_is_held_up_biases_nothing(machine: FakeMachine, at_s: float, load: str) -> None:
    machine.cpu = LOADS[load][0]
    stalled: list[float] = []

    def stall(now_s: float, value_j: float) -> float:
        if now_s >= at_s and not stalled:
            stalled.append(now_s)
            time.sleep(0.4)
            return machine.counter_j()  # its value when the read at last succeeds
        return value_j

    with Span(machine) as span:
        machine.fault = stall
        sleep_until(machine, 1.02)
    assert stalled
    assert span.cpu_j == pytest.approx(span.true_j, rel=0.01 if load == "constant" else 0.05)
    assert span.record.ram_power_w == pytest.approx(machine.ram_w, rel=0.02)
    assert span.flags == set()


def test_one_package_that_fails_does_not_take_the_others_with_it(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.packages = 2
    machine.install(monkeypatch.setattr)
    machine.fault = lambda at_s, value_j: None if value_j > 2000 and at_s > 0.45 else value_j  # the second one
    with Span(machine) as span:
        sleep_until(machine, 1)
    assert span.flags == {"reads_failed"}
    gap_s = span.record.cpu_gap_s or 0
    assert gap_s > 0.54
    assert span.cpu_j == pytest.approx(50 * span.record.duration_s + 50 * (span.record.duration_s - gap_s), abs=1)


# Tracking mode


def test_in_process_mode_a_counter_of_the_machine_is_called_one(machine: FakeMachine, data_dir: Path) -> None:
    with track("fit", tracking_mode="process", sample_s=0.1) as run:
        time.sleep(0.3)
    assert run.record is not None
    assert run.record.tracking_mode == "machine"
    assert "machine_wide_counters" in run.record.flags
    assert run.record.cpu_power_w == pytest.approx(100, rel=0.02)
    assert run.record.ram_power_w == pytest.approx(10, rel=0.02)  # and not that of this process


# Phases


def drawn_j(record: RunRecord) -> dict[str, float]:
    """What 100 W are in the phases by name, J: on a busy machine a sleep takes longer."""
    found: dict[str, float] = {}
    for one in record.phases:
        found[one.name] = found.get(one.name, 0.0) + 100 * one.duration_s
    return found


def phases_j(record: RunRecord) -> dict[str, float]:
    """CPU energy of the phases by name, J."""
    found: dict[str, float] = {}
    for one in record.phases:
        found[one.name] = found.get(one.name, 0.0) + (one.cpu_energy_kwh or 0.0) * J_PER_KWH
    return found


def test_each_phase_has_the_energy_of_the_curve_in_it(machine: FakeMachine) -> None:
    machine.cpu = [(0, 50), (0.5, 50), (0.5, 250)]
    with Span(machine) as span:
        with phase("load"):
            sleep_until(machine, 0.5)
        middle_s = machine.now_s
        with phase("fit"):
            for _ in range(2):
                with span.run.phase("epoch"):
                    time.sleep(0.25)
    found = phases_j(span.record)
    loaded_j = machine.cpu_j(middle_s) - machine.cpu_j(span.began_s)
    # 200 W begin within an interval of 0.1 s, on a busy machine of more: half of them may be given to the wrong side.
    assert found["load"] == pytest.approx(loaded_j, abs=12)
    assert found["fit"] == pytest.approx(span.true_j - loaded_j, abs=12)
    assert found["epoch"] == pytest.approx(found["fit"], abs=1)  # nested, and all of it
    assert found["load"] + found["fit"] == pytest.approx(span.cpu_j, rel=0.01)
    assert [one.name for one in span.record.phases] == ["load", "fit", "epoch", "epoch"]
    for one in span.record.phases:
        assert one.energy_low_kwh is not None
        assert one.energy_high_kwh is not None
        assert one.energy_kwh is not None
        assert one.energy_low_kwh <= one.energy_kwh <= one.energy_high_kwh


def test_phases_far_shorter_than_the_sampling_get_their_parts(machine: FakeMachine) -> None:
    with Span(machine, sample_s=1) as span:
        for _ in range(50):
            with phase("batch"):
                time.sleep(0.004)
            time.sleep(0.004)
    batches_s = sum(one.duration_s for one in span.record.phases)
    assert phases_j(span.record)["batch"] == pytest.approx(100 * batches_s, rel=0.01)
    assert len(span.record.phases) == 50


def test_a_thousand_phases_cost_less_than_a_second_and_all_are_counted(machine: FakeMachine) -> None:
    with Span(machine) as span:
        began = time.perf_counter()
        for number in range(1000):
            with phase(f"step {number % 3}"):
                pass
        cost_s = time.perf_counter() - began
        time.sleep(0.1)
        began = time.perf_counter()
    ended_s = time.perf_counter() - began
    assert cost_s < 0.1
    assert ended_s < 0.9
    counts: Counter[str] = Counter()
    for one in span.record.phases:
        counts[one.name] += one.count
        assert (one.count > 1) == (one.least_s is not None and one.most_s is not None)
    assert counts == {"step 0": 334, "step 1": 333, "step 2": 333}
    assert len(span.record.phases) <= MOST_PHASES


def test_phases_of_threads_and_generators_belong_to_the_run_around_them(machine: FakeMachine) -> None:
    def epochs() -> Iterator[int]:
        for number in range(2):
            with phase("epoch"):
                time.sleep(0.1)
                yield number

    def in_a_thread(run: TrackedRun) -> None:
        with run.phase("thread"):
            time.sleep(0.2)

    async def in_a_task() -> None:
        with phase("task"):
            await asyncio.sleep(0.1)

    with Span(machine) as span:
        for _ in epochs():
            pass
        thread = threading.Thread(target=in_a_thread, args=(span.run,))
        thread.start()
        thread.join()
        asyncio.run(in_a_task())
    found = phases_j(span.record)
    assert found == pytest.approx(drawn_j(span.record), abs=1.5)
    assert found.keys() == {"epoch", "thread", "task"}


def test_a_phase_ends_where_the_work_fails_and_an_open_one_with_the_run(machine: FakeMachine) -> None:
    with Span(machine) as span:
        with suppress(ZeroDivisionError), phase("broken"):
            time.sleep(0.1)
            _ = 1 / 0
        span.run.phase("never ended").__enter__()
        time.sleep(0.1)
    found = phases_j(span.record)
    assert found == pytest.approx(drawn_j(span.record), abs=1.5)
    assert found.keys() == {"broken", "never ended"}
    assert min(found.values()) > 9


def test_a_phase_outside_a_run_breaks_nothing(machine: FakeMachine) -> None:
    with phase("nowhere"):
        metric("accuracy", 1)


KILLED = f"""
import time
{HERE}
from carbon_pipeline import track, phase, metric
with track("fit", sample_s=0.1, heartbeat_s=0.1):
    with phase("first"):
        time.sleep(0.5)
    metric("accuracy", 0.5)
    with phase("second"):
        print("begun", flush=True)
        time.sleep(60)
"""


def test_a_killed_run_keeps_its_finished_phases_and_its_curve(machine: FakeMachine, data_dir: Path) -> None:
    work = subprocess.Popen(
        [sys.executable, "-c", KILLED], env=machine.environment(), stdout=subprocess.PIPE, text=True
    )
    assert work.stdout
    assert work.stdout.readline() == "begun\n"

    def has_the_phase() -> bool:
        return any('{"name":"first"' in path.read_text() for path in (data_dir / "running").glob("*.json"))

    wait_until(has_the_phase)
    work.send_signal(signal.SIGKILL)
    work.wait()
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert run["status"] == "interrupted"
    (one,) = warehouse.report("phases")
    assert one["name"] == "first"
    assert one["cpu_energy_kwh"] * J_PER_KWH == pytest.approx(50, rel=0.1)
    assert len(warehouse.report("power")) >= 2  # writing heartbeats so often leaves less time for readings


# The real files of the kernel


PRIVATE = """
import os, subprocess, sys, time
subprocess.run(["mount", "-t", "tmpfs", "none", "/sys/class"], check=True)
from pathlib import Path
from carbon_pipeline_tests.fake_machine import RANGE_J, write_zone
zone = Path("/sys/class/powercap/intel-rapl/intel-rapl:0")
write_zone(zone, 0, 1000.0)
Path("/sys/class/powercap/intel-rapl/subsystem").mkdir()
origin = time.perf_counter()
if not (pid := os.fork()):  # the kernel's part: 100 W
    with open(zone / "energy_uj", "r+b", buffering=0) as file:
        while os.getppid() > 1:
            os.pwrite(file.fileno(), b"%020d" % (1e9 + 100e6 * (time.perf_counter() - origin)), 0)
            time.sleep(0.001)
    os._exit(0)
try:
    from carbon_pipeline import track
    with track("fit", sample_s=0.1) as run:
        time.sleep(1)
finally:
    os.kill(pid, 9)
print(run.record.cpu_method, run.record.cpu_power_w)
"""


def _private_mounts() -> list[str] | None:
    """The command that runs another one where it may mount; None where there is none."""
    for command in (["unshare", "-m"], ["unshare", "-Urm"]):
        if shutil.which("unshare") and os.path.isdir("/sys/class"):
            trial = [*command, "mount", "-t", "tmpfs", "none", "/sys/class"]
            if not subprocess.run(trial, capture_output=True, check=False).returncode:
                return command
    return None


def test_the_files_of_the_kernel_are_read_as_codecarbon_finds_them(data_dir: Path) -> None:
    command = _private_mounts()
    if command is None:
        pytest.skip("NOT RUN: no mount in a private namespace here; root, or unprivileged user namespaces are needed")
    done = subprocess.run([*command, sys.executable, "-c", PRIVATE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    method, power_w = done.stdout.split()
    assert method == "rapl"
    assert float(power_w) == pytest.approx(100, rel=0.01)
