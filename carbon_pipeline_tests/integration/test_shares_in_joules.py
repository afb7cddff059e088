"""What runs on one machine share, in joules: landed curves of a simulated machine, and real processes on a fake one."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carbon_pipeline import track
from carbon_pipeline.model.samples import Curve, Point
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fake_machine import HERE, J_PER_KWH, LOADS, FakeMachine, Knots, Power
from carbon_pipeline_tests.fakes import make_record

pytestmark = pytest.mark.real_time

START = datetime(2026, 11, 24, 3, tzinfo=UTC)


class Simulated:
    """A machine of which runs land that never took place."""

    def __init__(self, data_dir: Path, cpu: Knots = ((0, 100),), gpu: Knots = ((0, 0),), start: datetime = START):
        self.data_dir = data_dir
        self.cpu, self.gpu = Power(cpu), Power(gpu)
        self.start = start
        self.spans: list[tuple[float, float]] = []

    def land(
        self,
        name: str,
        began: float,
        ended: float,
        sample_s: float = 0.1,
        *,
        busy: Knots = ((0, 1),),
        gpu_busy: Knots | None = None,
        gpu_gb: Knots | None = None,
        has_curve: bool = True,
        **more: Any,
    ) -> None:
        """Land a run between two times (seconds since `start`) that used `busy` CPUs."""
        self.spans.append((began, ended))
        sources = (self.cpu, self.gpu, None, Power(busy), None, gpu_busy and Power(gpu_busy), gpu_gb and Power(gpu_gb))
        scales = (J_PER_KWH, J_PER_KWH, 1, 1, 1, 1, 1)

        def at(time_s: float) -> Point:
            values = (
                None if source is None else (source.energy_j(time_s) - source.energy_j(began)) / scale
                for source, scale in zip(sources, scales, strict=True)
            )
            return Point(time_s - began, *values)

        curve = Curve()
        for time_s in np.arange(began + sample_s, ended, sample_s):
            curve.add(at(float(time_s)))
        last = at(ended)
        curve.add(last)
        fields = {
            "host_id": "one",
            "cpu_method": "rapl",
            "cpu_energy_kwh": last.cpu_energy_kwh,
            "gpu_energy_kwh": last.gpu_energy_kwh,
            "ram_energy_kwh": 0.0,
            "process_cpu_s": last.process_cpu_s,
            "samples": curve.samples() if has_curve else None,
        }
        ended_at = self.start + timedelta(seconds=ended)
        record = make_record(run_id=name, ended_at=ended_at, duration_s=ended - began, **{**fields, **more})
        land(record, self.data_dir)

    @property
    def j(self) -> float:
        """What the machine drew while at least one run was there, J."""
        total, covered = 0.0, -1e9
        for began, ended in sorted(self.spans):
            if ended > covered:
                since = max(began, covered)
                total += sum(part.energy_j(ended) - part.energy_j(since) for part in (self.cpu, self.gpu))
                covered = ended
        return total


def attributed_j(data_dir: Path) -> dict[str, float]:
    warehouse = Warehouse(data_dir)
    warehouse.load()
    return {run["run_id"]: run["attributed_energy_kwh"] * J_PER_KWH for run in warehouse.report("runs")}


def methods(data_dir: Path) -> dict[str, str | None]:
    return {run["run_id"]: run["attribution_method"] for run in Warehouse(data_dir).report("runs")}


SHAPES: dict[str, list[tuple[float, float, float]]] = {
    "one after another, overlapping": [(0, 1.2, 0.1), (0.5, 1.7, 0.07), (0.93, 2, 0.13)],
    "short ones within a long one": [(0, 2, 0.1), (0.33, 0.38, 1), (0.5, 0.9, 1), (0.86, 1.21, 0.05)],
    "with pauses": [(0, 0.4, 0.1), (0.3, 0.65, 0.1), (1.4, 1.9, 0.03), (1.5, 1.55, 1)],
    "exactly the same": [(0.2, 1.8, 0.1)] * 3,
}


@pytest.mark.parametrize(
    ("load", "shape"),
    [
        pytest.param(load, shape, marks=pytest.mark.long) if number % 3 else (load, shape)
        for number, (load, shape) in enumerate(product(LOADS, SHAPES))
    ],
)
def test_runs_that_overlap_add_up_to_the_machine(data_dir: Path, load: str, shape: str) -> None:
    machine = Simulated(data_dir, *LOADS[load])
    for number, (began, ended, sample_s) in enumerate(SHAPES[shape]):
        busy = [(0, number % 3), (0.9, number % 3), (0.9, (number + 1) % 2)]
        machine.land(f"run {number}", began, ended, sample_s, busy=busy)
    found = attributed_j(data_dir)
    assert sum(found.values()) == pytest.approx(machine.j, rel=0.01)
    warehouse = Warehouse(data_dir)
    for view in ("by_project", "daily", "by_hardware", "by_country"):
        total_kwh = sum(row["energy_kwh"] for row in warehouse.report(view))
        assert total_kwh * J_PER_KWH == pytest.approx(machine.j, rel=0.01), view


def test_who_works_during_the_burst_pays_for_it(data_dir: Path) -> None:
    machine = Simulated(data_dir, LOADS["burst"][0])
    machine.land("before", 0, 2, busy=[(0, 1), (0.7, 1), (0.7, 0)])
    machine.land("burst", 0, 2, busy=[(0, 0), (0.7, 0), (0.7, 1), (0.9, 1), (0.9, 0)])
    machine.land("after", 0, 2, busy=[(0, 0), (0.9, 0), (0.9, 1)])
    expected = {"before": 0.7 * 30, "burst": 0.2 * 430, "after": 1.1 * 30}
    assert attributed_j(data_dir) == pytest.approx(expected, rel=0.01)


def test_the_gpus_are_paid_by_who_used_them_and_the_cpus_by_who_used_those(data_dir: Path) -> None:
    machine = Simulated(data_dir, *LOADS["GPU, then CPU"])
    machine.land("trains", 0, 2, busy=[(0, 0.1), (1, 0.1), (1, 0)], gpu_busy=[(0, 1), (1, 1), (1, 0)], gpu_gb=[(0, 8)])
    machine.land("loads", 0, 2, busy=[(0, 0.1), (1, 0.1), (1, 2)], gpu_busy=[(0, 0)], gpu_gb=[(0, 0)])
    found = attributed_j(data_dir)
    # In the second half nobody keeps the GPUs busy; what they draw then is paid by who has memory on them.
    assert found == pytest.approx({"trains": 10 + 300 + 40, "loads": 10 + 150}, rel=0.01)
    assert sum(found.values()) == pytest.approx(machine.j, rel=0.001)


def test_where_nvml_does_not_tell_who_used_the_gpus_their_memory_does(data_dir: Path) -> None:
    machine = Simulated(data_dir, *LOADS["GPU, then CPU"])
    machine.land("trains", 0, 2, busy=[(0, 1)], gpu_gb=[(0, 30)])
    machine.land("serves", 0, 2, busy=[(0, 1)], gpu_gb=[(0, 10)])
    assert attributed_j(data_dir) == pytest.approx({"trains": 85 + 255, "serves": 85 + 85}, rel=0.01)


def test_a_block_within_a_run_takes_its_part_from_that_run_only(data_dir: Path) -> None:
    machine = Simulated(data_dir)
    machine.land("outer", 0, 2)
    machine.land("inner", 0.5, 1.5, outer_run_id="outer")
    machine.land("another", 0, 2)
    assert attributed_j(data_dir) == pytest.approx({"outer": 50, "inner": 50, "another": 100}, rel=0.01)


def test_a_run_of_a_child_process_takes_its_part_from_the_run_around_that_process(data_dir: Path) -> None:
    machine = Simulated(data_dir)
    machine.land("outer", 0, 2, process="100@1.00")
    machine.land("child", 0.5, 1.5, process="200@2.00", parent_processes=["150@1.50", "100@1.00", "1@0.00"])
    machine.land("another", 0, 2, process="300@3.00", parent_processes=["1@0.00"])
    assert attributed_j(data_dir) == pytest.approx({"outer": 50, "child": 50, "another": 100}, rel=0.01)


def test_two_containers_count_the_machine_once_and_two_machines_count_twice(data_dir: Path) -> None:
    machine = Simulated(data_dir)
    machine.land("a", 0, 2, host="container a")
    machine.land("b", 0, 2, host="container b")
    machine.land("c", 0, 2, host="container a", host_id="two")  # the same name on another machine
    assert attributed_j(data_dir) == pytest.approx({"a": 100, "b": 100, "c": 200}, rel=0.01)
    assert methods(data_dir) == {"a": "curve", "b": "curve", "c": None}


def test_energy_above_idle_is_shared_likewise(data_dir: Path) -> None:
    idle = {"idle_energy_kwh": 60 / J_PER_KWH, "idle_cpu_energy_kwh": 60 / J_PER_KWH, "idle_duration_s": 1.0}
    machine = Simulated(data_dir)
    machine.land("busy", 0, 2, busy=[(0, 3)], **idle)
    machine.land("less", 1, 3, busy=[(0, 1)], **idle)
    machine.land("alone", 3, 4, **idle)
    attributed_j(data_dir)
    runs = Warehouse(data_dir).report("runs")
    found = {run["run_id"]: run["attributed_above_idle_kwh"] * J_PER_KWH for run in runs}
    assert found == pytest.approx({"busy": 40 + 30, "less": 10 + 40, "alone": 40}, rel=0.01)


def test_of_two_curves_of_a_stretch_the_finer_one_tells_who_pays(data_dir: Path) -> None:
    machine = Simulated(data_dir, LOADS["burst"][0])
    machine.land("coarse", 0, 2, 2.0, busy=[(0, 1)])
    machine.land("fine", 0.5, 1.1, 0.02, busy=[(0, 1)])
    found = attributed_j(data_dir)
    fine_j = 0.4 * 30 + 0.2 * 430
    assert found == pytest.approx({"fine": fine_j / 2, "coarse": fine_j / 2 + 1.4 * 30}, rel=0.01)


# Records as they were before there were curves, and others that lack something


def test_old_records_are_shared_by_their_mean_power_and_marked(data_dir: Path) -> None:
    machine = Simulated(data_dir)
    machine.land("old", 0, 2, has_curve=False, host_id=None, host="one")
    machine.land("older", 1, 2, has_curve=False, host_id=None, host="one")
    machine.land("alone", 3, 4, has_curve=False, host_id=None, host="one")
    assert attributed_j(data_dir) == pytest.approx({"old": 150, "older": 50, "alone": 100}, rel=0.01)
    assert methods(data_dir) == {"old": "mean_power", "older": "mean_power", "alone": None}


@pytest.mark.parametrize("load", LOADS)
def test_an_old_record_beside_new_ones_costs_and_invents_no_energy(data_dir: Path, load: str) -> None:
    machine = Simulated(data_dir, *LOADS[load])
    machine.land("old", 0, 2, has_curve=False)
    machine.land("new", 0.5, 1.5)
    found = attributed_j(data_dir)
    assert sum(found.values()) == pytest.approx(machine.j, rel=0.01)
    assert methods(data_dir) == {"old": "mean_power", "new": "mean_power"}


def test_the_order_of_loads_does_not_change_who_pays(data_dir: Path, tmp_path: Path) -> None:
    found = []
    for order in ((0, 1, 2), (2, 1, 0)):
        folder = tmp_path / f"data {order[0]}"
        machine = Simulated(folder, LOADS["ramp"][0])
        for number in order:
            began, ended, sample_s = SHAPES["one after another, overlapping"][number]
            machine.land(f"run {number}", began, ended, sample_s, busy=[(0, number + 1)])
            attributed_j(folder)
        found.append(attributed_j(folder))
    assert found[0] == pytest.approx(found[1], rel=1e-9)
    assert sum(found[0].values()) == pytest.approx(machine.j, rel=0.01)


def test_a_run_whose_cpu_was_not_measured_does_not_hide_what_another_one_measured(data_dir: Path) -> None:
    machine = Simulated(data_dir)
    machine.land("whole", 0, 2)
    unmeasured = Simulated(data_dir, [(0, 0)])
    unmeasured.land("failed", 0, 2, 0.05, cpu_energy_kwh=None, flags=["reads_failed", "energy_missing"])
    assert sum(attributed_j(data_dir).values()) == pytest.approx(machine.j, rel=0.01)


@pytest.mark.parametrize("finer", [0.05, 0.2])
def test_two_runs_that_each_measured_a_gpu_of_their_own_both_count(data_dir: Path, finer: float) -> None:
    """As with CUDA_VISIBLE_DEVICES=0 and =1: a run measures the GPUs that it may use."""
    some = {"gpu_count": 2, "gpu_tracked_count": 1}
    Simulated(data_dir, [(0, 100)], [(0, 300)]).land("GPU 0", 0, 2, 0.1, gpu_busy=[(0, 1)], gpu_ids=["one"], **some)
    Simulated(data_dir, [(0, 100)], [(0, 100)]).land("GPU 1", 0, 2, finer, gpu_busy=[(0, 1)], gpu_ids=["two"], **some)
    assert sum(attributed_j(data_dir).values()) == pytest.approx(2 * (100 + 300 + 100), rel=0.01)


# Days


MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_run_past_midnight_counts_on_each_day_with_the_energy_of_that_day(data_dir: Path) -> None:
    machine = Simulated(data_dir, [(0, 50), (600, 50), (600, 250)], start=MIDNIGHT - timedelta(seconds=600))
    machine.land("night", 0, 900, 1, asset_key="model")
    attributed_j(data_dir)
    warehouse = Warehouse(data_dir)
    found = {f"{row['day']}": row["energy_kwh"] * J_PER_KWH for row in warehouse.report("daily")}
    assert found == pytest.approx({"2026-11-30": 600 * 50, "2026-12-01": 300 * 250}, rel=0.01)
    for period in ("day", "month"):
        spent = warehouse.spent("model", period)
        energies = [row["period_energy_kwh"] * J_PER_KWH for row in spent]
        assert energies == pytest.approx([600 * 50, 300 * 250], rel=0.01), period


def test_runs_that_overlap_at_midnight_add_up_to_the_machine_on_each_day(data_dir: Path) -> None:
    machine = Simulated(data_dir, [(0, 50), (600, 50), (600, 250)], start=MIDNIGHT - timedelta(seconds=600))
    machine.land("before", 0, 900, 1, busy=[(0, 1), (600, 1), (600, 0)])
    machine.land("after", 300, 900, 1.7, busy=[(0, 0), (600, 0), (600, 1)])
    found = attributed_j(data_dir)
    assert found == pytest.approx({"before": 600 * 50, "after": 300 * 250}, rel=0.01)
    days = {f"{row['day']}": row["energy_kwh"] * J_PER_KWH for row in Warehouse(data_dir).report("daily")}
    assert days == pytest.approx({"2026-11-30": 600 * 50, "2026-12-01": 300 * 250}, rel=0.01)


def test_a_run_of_three_days_counts_on_each(data_dir: Path) -> None:
    day_s = 86_400
    machine = Simulated(data_dir, [(0, 10), (3 * day_s, 310)], start=MIDNIGHT)
    machine.land("long", day_s / 2, 2.5 * day_s, 10)
    attributed_j(data_dir)
    days = [row["energy_kwh"] * J_PER_KWH for row in Warehouse(data_dir).report("daily")]
    ends = [0.5, 1, 2, 2.5]
    expected = [
        machine.cpu.energy_j(end * day_s) - machine.cpu.energy_j(begin * day_s) for begin, end in pairwise(ends)
    ]
    assert days == pytest.approx(expected, rel=0.01)


# Real processes on a fake machine


WORKER = f"""
import socket, sys, time
{HERE}
from carbon_pipeline import track
with track("warm up", data_dir="elsewhere"):
    pass
print("ready", flush=True)
go = float(sys.stdin.readline())
def sleep_until(at_s):
    time.sleep(max(go + at_s - time.perf_counter(), 0))
def work_until(at_s):
    while time.perf_counter() < go + at_s:
        sum(range(500))
"""


@contextmanager
def processes(machine: FakeMachine, scripts: Sequence[str], **environment: str) -> Iterator[Callable[[], None]]:
    """Processes on a machine that have loaded everything; what is yielded lets them go, and waits for them."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER + script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=machine.environment(**environment),
        )
        for script in scripts
    ]

    def go() -> None:
        begin = time.perf_counter() + 0.1
        for process in started:
            assert process.stdin
            process.stdin.write(f"{begin}\n")
            process.stdin.flush()
        assert [process.wait(60) for process in started] == [-signal.SIGKILL if "kill" in one else 0 for one in scripts]

    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        yield go
    finally:
        for process in started:
            process.kill()
            process.communicate()


def machine_kwh(machine: FakeMachine, data_dir: Path) -> tuple[float, float]:
    """What was attributed to all runs, and what the machine drew over the union of their times."""
    warehouse = Warehouse(data_dir)
    warehouse.load()
    runs = warehouse.report("runs")
    return (
        sum(run["attributed_energy_kwh"] for run in runs),
        machine.energy_kwh_over((run["started_at"], run["ended_at"]) for run in runs),
    )


STAGGERED = [
    'with track("a", sample_s=0.1): {work}(1.0)',
    'sleep_until(0.4)\nwith track("b", sample_s=0.07): {work}(1.5)',
    'sleep_until(0.8)\nwith track("c", sample_s=0.2): {work}(1.2)',
]


def load_of(load: str, machine: FakeMachine, ahead_s: float) -> None:
    """Let a load begin when the processes do."""
    cpu, gpu = LOADS[load]
    machine.cpu = [(at_s + ahead_s, power_w) for at_s, power_w in cpu]
    if load == "GPU, then CPU":
        curve = [(at_s + ahead_s, power_w) for at_s, power_w in gpu]
        machine.boards = [{"uuid": "GPU-4e8103f5-aaaa-0000-0000-000000000000", "power_w": 300, "curve": curve}]


@pytest.mark.long
@pytest.mark.parametrize("work", ["sleep_until", "work_until"])
@pytest.mark.parametrize("load", LOADS)
def test_real_processes_that_overlap_add_up_to_the_machine(
    tmp_path: Path, data_dir: Path, load: str, work: str
) -> None:
    machine = FakeMachine(tmp_path / "machine")
    load_of(load, machine, ahead_s=8)
    with processes(machine, [script.format(work=work) for script in STAGGERED]) as go:
        time.sleep(max(8 - machine.now_s, 0))
        go()
    attributed, drawn = machine_kwh(machine, data_dir)
    measured = sum(run["energy_kwh"] for run in Warehouse(data_dir).report("runs"))
    assert measured > 1.3 * attributed  # what a plain sum would say
    assert attributed == pytest.approx(drawn, rel=0.01 if work == "sleep_until" else 0.05)


def test_two_sleeping_processes_do_not_get_the_whole_machine_each(tmp_path: Path, data_dir: Path) -> None:
    machine = FakeMachine(tmp_path / "machine")
    script = 'with track("sleeps", tracking_mode="process", sample_s=0.1): sleep_until(0.8)'
    with processes(machine, [script] * 2) as go:
        go()
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.01)
    runs = Warehouse(data_dir).report("runs")
    assert {run["tracking_mode"] for run in runs} == {"machine"}
    assert all({"machine_wide_counters", "overlapping"} <= set(run["flags"]) for run in runs)


@pytest.mark.long
def test_four_ranks_of_a_batch_job_count_their_node_once(tmp_path: Path, data_dir: Path) -> None:
    machine = FakeMachine(tmp_path / "machine")
    scripts = [
        f"""
import os
os.environ |= {{"SLURM_JOB_ID": "7", "SLURM_PROCID": "{rank}", "SLURMD_NODENAME": "node"}}
with track("rank {rank}", sample_s=0.1): work_until(1.5)
"""
        for rank in range(4)
    ]
    with processes(machine, scripts) as go:
        go()
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.05)
    runs = Warehouse(data_dir).report("runs")
    assert sorted(run["slurm_rank"] for run in runs) == [0, 1, 2, 3]
    assert {(run["slurm_job_id"], run["slurm_node"]) for run in runs} == {("7", "node")}


@pytest.mark.long
@pytest.mark.parametrize("same_host_id", [True, False])
def test_processes_in_two_containers_count_their_machine_once(
    tmp_path: Path, data_dir: Path, same_host_id: bool
) -> None:
    machine = FakeMachine(tmp_path / "machine")
    scripts = [
        f"""
import os
socket.gethostname = lambda: "container {number}"
if not {same_host_id}: os.environ["CARBON_HOST_ID"] = "machine {number}"
with track("fit", sample_s=0.1): sleep_until(1)
"""
        for number in range(2)
    ]
    with processes(machine, scripts) as go:
        go()
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn * (1 if same_host_id else 2), rel=0.01 if same_host_id else 0.05)
    runs = Warehouse(data_dir).report("runs")
    assert len({run["host_id"] for run in runs}) == (1 if same_host_id else 2)


def test_threads_that_track_at_the_same_time_count_the_machine_once(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path / "machine", cpu=[(0, 20), (3, 220)]).install(monkeypatch.setattr)

    def work(wait_s: float, seconds: float) -> None:
        time.sleep(wait_s)
        with track("thread", sample_s=0.1):
            time.sleep(seconds)

    threads = [threading.Thread(target=work, args=span) for span in ((0, 0.8), (0.2, 1.0), (0.5, 0.3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.01)


def test_a_nested_block_is_not_counted_twice_and_pays_for_its_work(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path / "machine").install(monkeypatch.setattr)
    with track("outer", sample_s=0.1):
        time.sleep(0.3)
        with track("inner", sample_s=0.1):
            end = time.perf_counter() + 0.6
            while time.perf_counter() < end:
                sum(range(500))
        time.sleep(0.3)
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.01)
    inner, outer = sorted(Warehouse(data_dir).report("runs"), key=lambda run: float(run["duration_s"]))
    assert inner["attributed_energy_kwh"] * J_PER_KWH == pytest.approx(0.6 * 110, rel=0.1)
    assert outer["attributed_energy_kwh"] > 0


CHILD = f"""
import time
{HERE}
from carbon_pipeline import track
with track("child", sample_s=0.1):
    time.sleep(0.5)
"""


def test_a_tracked_child_of_a_tracked_process_is_not_counted_twice(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path / "machine").install(monkeypatch.setattr)
    with track("parent", sample_s=0.1):
        subprocess.run([sys.executable, "-c", CHILD], env=machine.environment(), check=True)
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.01)
    assert len(Warehouse(data_dir).report("runs")) == 2


FORKED = f"""
import os, time
{HERE}
from carbon_pipeline import track
with track("parent", sample_s=0.1):
    pid = os.fork()
    if not pid:
        with track("forked", sample_s=0.1):
            time.sleep(0.4)
        os._exit(0)
    os.waitpid(pid, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_tracked_fork_of_a_tracked_process_is_not_counted_twice(tmp_path: Path, data_dir: Path) -> None:
    machine = FakeMachine(tmp_path / "machine")
    subprocess.run([sys.executable, "-c", FORKED], env=machine.environment(), check=True)
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.01)


@pytest.mark.long
def test_a_killed_run_beside_another_one_counts_until_its_last_heartbeat(tmp_path: Path, data_dir: Path) -> None:
    machine = FakeMachine(tmp_path / "machine")
    scripts = [
        "import os, signal\nwith track('killed', sample_s=0.1, heartbeat_s=0.1):\n"
        "    sleep_until(1)\n    os.kill(os.getpid(), signal.SIGKILL)",
        "with track('lives', sample_s=0.1): sleep_until(1.5)",
    ]
    with processes(machine, scripts) as go:
        go()
    attributed, drawn = machine_kwh(machine, data_dir)
    assert attributed == pytest.approx(drawn, rel=0.01)
    assert {run["status"] for run in Warehouse(data_dir).report("runs")} == {"interrupted", "completed"}
