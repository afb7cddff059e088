"""Several tracked runs at once on one host: the machine counts once."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline import track
from carbon_pipeline.probes.cpu_seconds import cpu_seconds
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

BUSY = """
import sys, time
from carbon_pipeline import track
with track("warm up", data_dir="elsewhere"): pass
print("ready", flush=True)
sys.stdin.readline()
with track("fit", sample_s=0.25):
    end = time.perf_counter() + 3
    while time.perf_counter() < end:
        sum(range(1000))
"""
START = datetime(2026, 11, 24, 3, tzinfo=UTC)


def land_run(data_dir: Path, name: str, begin_s: float, end_s: float, cpu_s: float | None, **more: Any) -> None:
    """A run of a machine that draws 3600 W in all, so that each second is 1 Wh."""
    seconds = end_s - begin_s
    record = make_record(
        run_id=name,
        ended_at=START + timedelta(seconds=end_s),
        duration_s=seconds,
        **{"host": "one", "cpu_energy_kwh": seconds / 1000, "ram_energy_kwh": 0.0, "process_cpu_s": cpu_s, **more},
    )
    land(record, data_dir)


def attributed_wh(data_dir: Path) -> dict[str, float]:
    runs = Warehouse(data_dir).report("runs")
    return {run["run_id"]: round(run["attributed_energy_kwh"] * 1000, 6) for run in runs}


def overlapping(data_dir: Path) -> set[str]:
    return {run["run_id"] for run in Warehouse(data_dir).report("runs") if "overlapping" in run["flags"]}


def test_runs_at_the_same_time_share_the_machine_by_their_cpu_seconds(data_dir: Path) -> None:
    land_run(data_dir, "a", 0, 10, cpu_s=30)
    land_run(data_dir, "b", 0, 10, cpu_s=10)
    land_run(data_dir, "alone", 10, 20, cpu_s=1)
    Warehouse(data_dir).load()
    assert attributed_wh(data_dir) == {"a": 7.5, "b": 2.5, "alone": 10.0}
    assert overlapping(data_dir) == {"a", "b"}
    (total,) = Warehouse(data_dir).report("by_project")
    assert total["energy_kwh"] == pytest.approx(20e-3)  # and not 30
    assert total["emissions_kg"] == pytest.approx(20e-3 * 56 / 1000)
    assert total["energy_low_kwh"] <= total["energy_kwh"] <= total["energy_high_kwh"]


def test_only_the_time_in_common_is_shared(data_dir: Path) -> None:
    land_run(data_dir, "long", 0, 100, cpu_s=100)
    land_run(data_dir, "short", 40, 60, cpu_s=20)
    Warehouse(data_dir).load()
    assert attributed_wh(data_dir) == {"long": 90.0, "short": 10.0}


def test_a_run_that_lands_later_is_shared_out_all_the_same(data_dir: Path) -> None:
    warehouse = Warehouse(data_dir)
    land_run(data_dir, "a", 0, 10, cpu_s=10)
    warehouse.load()
    assert attributed_wh(data_dir) == {"a": 10.0}
    land_run(data_dir, "b", 0, 10, cpu_s=10)
    land_run(data_dir, "c", 5, 10, cpu_s=5)
    warehouse.load()
    expected = {"a": 5 / 2 + 5 / 3, "b": 5 / 2 + 5 / 3, "c": 5 / 3}
    assert attributed_wh(data_dir) == pytest.approx(expected, abs=1e-5)


def test_where_the_cpu_seconds_are_not_known_the_shares_are_equal(data_dir: Path) -> None:
    land_run(data_dir, "a", 0, 10, cpu_s=None)
    land_run(data_dir, "b", 0, 10, cpu_s=10)
    land_run(data_dir, "idle 1", 20, 30, cpu_s=0)
    land_run(data_dir, "idle 2", 20, 30, cpu_s=0)
    Warehouse(data_dir).load()
    assert set(attributed_wh(data_dir).values()) == {5.0}


def test_runs_of_other_hosts_and_imported_ones_share_nothing(data_dir: Path) -> None:
    land_run(data_dir, "a", 0, 10, cpu_s=10)
    land_run(data_dir, "b", 0, 10, cpu_s=10, host="another")
    land_run(data_dir, "c", 0, 10, cpu_s=10, host=None)
    Warehouse(data_dir).load()
    assert set(attributed_wh(data_dir).values()) == {10.0}
    assert overlapping(data_dir) == set()


def test_a_run_that_measured_its_own_process_keeps_its_energy(data_dir: Path) -> None:
    land_run(data_dir, "machine", 0, 10, cpu_s=10)
    land_run(data_dir, "process", 0, 10, cpu_s=10, tracking_mode="process", cpu_energy_kwh=4e-3)
    Warehouse(data_dir).load()
    assert attributed_wh(data_dir) == {"machine": 5.0, "process": 4.0}
    assert overlapping(data_dir) == {"machine"}


def test_a_run_without_an_energy_takes_no_share(data_dir: Path) -> None:
    land_run(data_dir, "a", 0, 10, cpu_s=10)
    land_run(
        data_dir, "failed", 0, 10, cpu_s=10, cpu_energy_kwh=None, gpu_energy_kwh=None, ram_energy_kwh=None,
        flags=["meter_failed"],
    )  # fmt: skip
    warehouse = Warehouse(data_dir)
    warehouse.load()
    runs = {run["run_id"]: run["attributed_energy_kwh"] for run in warehouse.report("runs")}
    assert runs == {"a": pytest.approx(10e-3), "failed": None}


def test_a_run_beside_one_that_did_nothing_is_flagged_and_keeps_its_energy(data_dir: Path) -> None:
    land_run(data_dir, "busy", 0, 10, cpu_s=10)
    land_run(data_dir, "waiting", 0, 10, cpu_s=0)
    Warehouse(data_dir).load()
    assert attributed_wh(data_dir) == {"busy": 10.0, "waiting": 0.0}
    assert overlapping(data_dir) == {"busy", "waiting"}


@pytest.mark.long
def test_four_busy_steps_in_parallel_add_up_to_one_machine(data_dir: Path) -> None:
    steps = [
        subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for step in steps:
        assert step.stdout
        assert step.stdout.readline() == "ready\n"
    for step in steps:
        assert step.stdin
        step.stdin.write("\n")
        step.stdin.flush()
    with track("the machine", data_dir=data_dir / "apart") as machine:
        for step in steps:
            step.wait()
    assert machine.record is not None
    assert machine.record.energy_kwh is not None
    warehouse = Warehouse(data_dir)
    warehouse.load()
    runs = warehouse.report("runs")
    assert len(runs) == 4
    assert all("overlapping" in run["flags"] for run in runs)
    covered_s = (max(run["ended_at"] for run in runs) - min(run["started_at"] for run in runs)).total_seconds()
    one_machine_kwh = machine.record.energy_kwh * covered_s / machine.record.duration_s
    attributed_kwh = sum(run["attributed_energy_kwh"] for run in runs)
    assert attributed_kwh == pytest.approx(one_machine_kwh, rel=0.1)
    assert sum(run["energy_kwh"] for run in runs) > 3 * attributed_kwh  # what a plain sum would have said


def test_the_cpu_seconds_of_children_that_came_and_went_count(data_dir: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    with track("fit") as run:
        for _ in range(2):
            subprocess.run([sys.executable, "-c", burn], check=True)
        last = burn + "\nprint('burnt', flush=True)\ntime.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", last], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        assert child.stdout.readline() == "burnt\n"
    child.kill()
    child.wait()
    assert run.record is not None
    assert run.record.process_cpu_s is not None
    assert run.record.host_cpu_s is not None
    assert run.record.process_cpu_s > 0.85
    assert run.record.host_cpu_s >= run.record.process_cpu_s * 0.9


def test_cpu_seconds_only_ever_grow(data_dir: Path) -> None:
    before = cpu_seconds()
    thread = threading.Thread(target=lambda: sum(range(3_000_000)))
    thread.start()
    thread.join()
    after = cpu_seconds()
    assert before.process_tree is not None
    assert before.host is not None
    assert after.process_tree is not None
    assert after.host is not None
    assert after.process_tree > before.process_tree
    assert after.host >= before.host
