"""Work that is killed: its energy up to the last heartbeat counts, once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.tracking import landing
from carbon_pipeline.tracking.landing import RUNNING, killed_runs, landed_files, write_heartbeat
from carbon_pipeline.warehouse.rules import RULES, broken
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
    started = time.monotonic()
    work = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    assert work.stdout
    run_id = work.stdout.readline().strip()
    warehouse = Warehouse(data_dir)
    time.sleep(1.5)
    assert warehouse.load() == []  # it is still running
    assert warehouse.pending() == []
    work.send_signal(signal.SIGKILL)
    work.communicate()
    elapsed_s = time.monotonic() - started

    assert len(warehouse.pending()) == 1
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert (run["run_id"], run["status"]) == (run_id, "interrupted")
    assert 0.5 < run["duration_s"] < elapsed_s
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


def test_a_run_mistaken_for_killed_that_ends_after_all_counts_once_and_whole(
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
    write_heartbeat(make_record(status="interrupted"), data_dir)
    monkeypatch.setattr(landing.socket, "gethostname", lambda: "another host")
    assert killed_runs(data_dir) == []


def test_a_later_process_with_the_same_pid_is_not_taken_for_the_run(data_dir: Path) -> None:
    record = make_record(status="interrupted")
    write_heartbeat(record, data_dir)
    (path,) = (data_dir / RUNNING).iterdir()
    heartbeat = landing.Heartbeat.model_validate_json(path.read_text())
    assert heartbeat.pid == os.getpid()
    path.write_text(heartbeat.model_copy(update={"process_started_at": 1.0}).model_dump_json())
    assert killed_runs(data_dir) == [record]


MANY = """
import sys, time
from carbon_pipeline import track
from carbon_pipeline_tests.fakes import FakeMeter
from carbon_pipeline.tracking.meter import CodeCarbonMeter
while True:
    with track("fit", heartbeat_s=0.01, sample_s=0.005, make_meter={meter}) as run:
        print("began", run.run_id, flush=True)
        time.sleep(0.03)
    print("ended", run.run_id, flush=True)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "meter"),
    [(signal.SIGKILL, "FakeMeter()"), (signal.SIGTERM, "CodeCarbonMeter")],
)
def test_whenever_a_process_is_killed_no_run_that_had_begun_is_lost_or_doubled(
    data_dir: Path, number: signal.Signals, meter: str
) -> None:
    chance = random.Random(7)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    began, ended, warehouse = set(), set(), Warehouse(data_dir)
    for _ in range(3):
        # Eight at a time: to start a process takes longer than to kill it.
        works = [
            subprocess.Popen(
                [sys.executable, "-c", MANY.format(meter=meter)],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
                # Whoever started the tests may ignore the signal.
                preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL),
            )
            for _ in range(8)
        ]
        for work in works:
            assert work.stdout
            began.add(work.stdout.readline().split()[1])
        time.sleep(0.5)
        for work in works:
            time.sleep(chance.random() / 10)
            work.send_signal(number)
        for work in works:
            lines = [line.split() for line in work.communicate()[0].splitlines() if " " in line]
            began |= {run_id for what, run_id in lines if what == "began"}
            ended |= {run_id for what, run_id in lines if what == "ended"}
        warehouse.load()
    runs = {run["run_id"]: run for run in warehouse.report("runs")}
    assert len(began) > 60
    assert began <= set(runs)
    assert warehouse.count() == len(runs)
    assert all(runs[run_id]["status"] == "completed" for run_id in ended)
    expected = {"completed", "interrupted", "cancelled"} - ({"cancelled"} if number == signal.SIGKILL else set())
    assert {run["status"] for run in runs.values()} <= expected
    assert warehouse.load() == []
    assert [name for name in os.listdir(data_dir / RUNNING) if not name.startswith(".")] == []
    assert all(not broken(warehouse, rule) for rule in RULES)


def test_what_a_killed_process_left_half_written_is_swept_away_after_an_hour(data_dir: Path) -> None:
    (data_dir / RUNNING).mkdir(parents=True)
    old, new = data_dir / RUNNING / ".old.part", data_dir / RUNNING / ".new.part"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (1, 1))
    Warehouse(data_dir).load()
    assert os.listdir(data_dir / RUNNING) == [".new.part"]


FORKS = """
import os, signal, sys, time
from carbon_pipeline import track
from carbon_pipeline_tests.fakes import FakeMeter
with track("fit", make_meter=FakeMeter()):
    child = os.fork()
    if not child:
        time.sleep(30)
    time.sleep(0.5)
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_was_forked_in_the_block_is_ended_by_sigterm_as_ever(data_dir: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, env=environment, timeout=20, check=True
    )
    assert done.stdout.strip() == str(-signal.SIGTERM)
    assert len(landed_files(data_dir)) == 1
