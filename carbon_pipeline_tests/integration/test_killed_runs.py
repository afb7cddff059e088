"""Work that is killed: its energy up to the last heartbeat counts, once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.tracking import landing
from carbon_pipeline.tracking.landing import RUNNING, beat, killed_runs, landed_files
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import FakeMeter, make_record

WORK = """
import sys, time
from carbon_pipeline import track
with track("fit", heartbeat_s=0.2, sample_s=0.1) as run:
    print(run.run_id, flush=True)
    time.sleep(60)
"""


def test_a_killed_run_leaves_an_interrupted_record_with_its_energy(data_dir: Path) -> None:
    work = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    assert work.stdout
    run_id = work.stdout.readline().strip()
    warehouse = Warehouse(data_dir)
    time.sleep(1.5)
    assert warehouse.load() == []  # it is still running
    assert warehouse.pending() == []
    work.send_signal(signal.SIGKILL)
    work.communicate()

    assert len(warehouse.pending()) == 1
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert (run["run_id"], run["status"]) == (run_id, "interrupted")
    assert 0.5 < run["duration_s"] < 3
    assert run["energy_kwh"] > 0
    assert run["ram_power_w"] == pytest.approx(run["ram_energy_kwh"] * 3.6e6 / run["duration_s"])
    assert os.listdir(data_dir / RUNNING) == []
    assert warehouse.load() == []
    assert warehouse.count() == 1


def test_sigterm_leaves_a_cancelled_record_and_the_status_of_a_terminated_process(data_dir: Path) -> None:
    work = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    assert work.stdout
    work.stdout.readline()
    work.terminate()
    work.communicate()
    assert work.returncode == 143
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert (run["status"], os.listdir(data_dir / RUNNING)) == ("cancelled", [])
    assert run["energy_kwh"] > 0


def test_a_handler_that_the_user_has_set_is_left_alone(data_dir: Path) -> None:
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with track("fit", make_meter=FakeMeter()) as run:
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]
    assert run.record is not None
    assert run.record.status == "completed"


def test_a_run_that_ends_leaves_no_heartbeat(data_dir: Path) -> None:
    with track("fit", make_meter=FakeMeter(), heartbeat_s=0.01, sample_s=0.01) as run:
        assert os.listdir(data_dir / RUNNING) == [f"{run.run_id}.json"]
        time.sleep(0.1)
        assert killed_runs(data_dir) == []
    assert os.listdir(data_dir / RUNNING) == []
    assert len(landed_files(data_dir)) == 1


def test_a_run_that_was_taken_for_killed_and_ends_after_all_counts_once_and_whole(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(data_dir)
    with track("fit", make_meter=FakeMeter(), data_dir=data_dir) as run:
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(landing.socket, "gethostname", lambda: "another host")
            elsewhere.setattr(landing, "SILENT_S", -1.0)
            warehouse.load()
        assert [row["status"] for row in warehouse.report("runs")] == ["interrupted"]
        time.sleep(0.01)
    warehouse.load()
    assert [(row["run_id"], row["status"]) for row in warehouse.report("runs")] == [(run.run_id, "completed")]


def test_a_run_of_another_host_is_left_alone_while_it_is_heard_of(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(make_record(status="interrupted"), data_dir)
    monkeypatch.setattr(landing.socket, "gethostname", lambda: "another host")
    assert killed_runs(data_dir) == []


def test_a_later_process_of_the_same_number_is_not_taken_for_the_run(data_dir: Path) -> None:
    record = make_record(status="interrupted")
    beat(record, data_dir)
    (path,) = (data_dir / RUNNING).iterdir()
    heartbeat = landing.Heartbeat.model_validate_json(path.read_text())
    assert heartbeat.pid == os.getpid()
    path.write_text(heartbeat.model_copy(update={"process_started_at": 1.0}).model_dump_json())
    assert killed_runs(data_dir) == [record]
