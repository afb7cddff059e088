"""`carbon-pipeline watch`: what people see of the runs in progress, on a terminal and without one."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline import track
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline.tracking import landing
from carbon_pipeline.tracking.landing import land, write_heartbeat
from carbon_pipeline.tracking.run import TrackedRun
from carbon_pipeline_tests.fakes import FakeMeter, make_record
from carbon_pipeline_tests.waiting import wait_until

COMMAND = [sys.executable, "-m", "carbon_pipeline", "watch"]

CURVE = Samples(
    at_s=[0.0, 10.0, 20.0, 30.0],
    cpu_energy_kwh=[0.0, 1e-5, 3e-5, 6e-5],
    ram_energy_kwh=[0.0, 1e-5, 2e-5, 3e-5],
)
EPOCHS = [Phase(name="epoch", started_s=3.0 * n, duration_s=2.5, cpu_energy_kwh=1e-6 * n) for n in range(12)]


def running(data_dir: Path, open_phases: tuple[str, ...] = (), **fields: Any) -> str:
    """The heartbeat of a run of this process."""
    own = {"status": "interrupted", "samples": CURVE, "cpu_energy_kwh": 6e-5, "ram_energy_kwh": 3e-5}
    record = make_record(**{**own, "duration_s": 30.0, **fields})
    write_heartbeat(record, data_dir, open_phases)
    return record.run_id


def carbon_watch(*arguments: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", **environment},
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    return done


class Terminal:
    """A watch on a terminal of its own, and all that it has written there."""

    def __init__(self, columns: int, arguments: tuple[str, ...]):
        self.text = ""
        leader, follower = pty.openpty()
        environment = {**os.environ, "COLUMNS": str(columns), "LINES": "40", "TERM": "xterm"}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=environment,
            start_new_session=True,
        )
        os.close(follower)
        self._leader = leader

    def read(self) -> None:
        while select.select([self._leader], [], [], 0.02)[0]:
            with suppress(OSError):
                if new := os.read(self._leader, 65536):
                    self.text += new.decode(errors="replace").replace("\r\n", "\n")
                    continue
            return

    def until(self, condition: Callable[[str], object]) -> None:
        def holds() -> bool:
            self.read()
            return bool(condition(plain(self.text)))

        wait_until(holds)

    def end(self) -> int:
        self.until(lambda text: self.process.poll() is not None)
        self.read()
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._leader)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@contextmanager
def terminal(*arguments: str, columns: int = 100) -> Iterator[Terminal]:
    found = Terminal(columns, arguments)
    try:
        yield found
    finally:
        found.close()


def test_where_nothing_is_tracked_watch_shows_where_it_looked_and_how_to_start(data_dir: Path) -> None:
    for arguments in ((), ("--once",)):
        printed = carbon_watch(*arguments).stdout
        assert f"nothing is being tracked: there is no heartbeat in {data_dir / 'running'}" in printed
        assert "carbon-pipeline run" in printed
        assert printed.count("\n") == 1
    assert json.loads(carbon_watch("--json").stdout) == []
    assert "nothing is being tracked" in carbon_watch("abc", status=2).stderr


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_all_columns_are_shown_at_every_width(data_dir: Path, columns: int) -> None:
    run_id = running(data_dir, ("epoch",), phases=EPOCHS, name="a model with a name of many words " * 3)
    running(data_dir, name="other", project_name="p" * 100, samples=None)
    with terminal(columns=columns) as shown:
        shown.until(lambda text: "heartbeat" in text and "12 done" in text)
        text = plain(shown.text)
    for part in (run_id[:8], "a model", "a project", "14.4 W", "90 mWh", "epoch", "s ago", "2 runs in progress"):
        assert part in text
    assert "see the whole machine" in text
    assert max(map(len, text.splitlines())) <= columns


@pytest.mark.parametrize("columns", [80, 120])
def test_one_run_is_shown_with_its_parts_its_curve_and_its_last_phases(data_dir: Path, columns: int) -> None:
    run_id = running(data_dir, ("epoch", "evaluation"), phases=EPOCHS, metrics={"loss": 0.25})
    running(data_dir)
    with terminal(run_id[:10], columns=columns) as shown:
        shown.until(lambda text: "in epoch > evaluation" in text and text.count("mWh") > 10)
        text = plain(shown.text)
    assert run_id in text
    assert re.search(r"CPU +10.8 W +7.2 W +60 mWh +cpu_load", text)
    assert re.search(r"RAM +3.6 W +3.6 W +30 mWh +estimated", text)
    assert "▄▆█" in text or "▄▅█" in text, "7.2, 10.8 and 14.4 W, from 0 W"
    assert "metrics: loss 0.25" in text
    assert len(re.findall(r"^ epoch +\d+ s +2.5 s", text, re.MULTILINE)) == 10
    assert max(map(len, text.splitlines())) <= columns


def test_names_from_outside_cannot_control_the_terminal(data_dir: Path) -> None:
    hostile = "[red]x[/red] \x1b[2J :bomb: a\nb"
    run_id = running(data_dir, (hostile,), name=hostile, project_name=hostile, asset_key=hostile)
    for arguments in ((), (run_id,)):
        with terminal(*arguments, columns=200) as shown:
            shown.until(lambda text: "heartbeat" in text and "s ago" in text)
            assert "[red]x[/red] \\x1b[2J :bomb: a\\nb" in plain(shown.text)
            assert "\x1b[2J" not in shown.text
        assert "[red]x[/red] \\x1b[2J :bomb: a\\nb" in carbon_watch(*arguments, "--once").stdout


def test_killed_runs_are_not_shown_as_running(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "_process_started_at", lambda pid: 1.0)  # of an earlier process with this ID
    killed = running(data_dir)
    assert "nothing is being tracked" in carbon_watch("--once").stdout
    assert "was killed; `carbon-pipeline load` keeps what it measured" in carbon_watch(killed[:8], status=2).stderr


def test_a_prefix_of_several_runs_and_of_none_is_wrong_input_and_names_them(data_dir: Path) -> None:
    for run_id in ("abc1", "abc2"):
        running(data_dir, run_id=run_id, name=f"model {run_id}")
    assert "abc1 (model abc1)" in carbon_watch("abc", status=2).stderr
    assert "in progress are" in carbon_watch("xyz", status=2).stderr
    assert "abc2" in carbon_watch("abc2", "--once").stdout


def test_a_heartbeat_that_cannot_be_read_is_named(data_dir: Path) -> None:
    (data_dir / "running").mkdir(parents=True)
    (data_dir / "running" / "broken.json").write_text("{")
    assert "broken.json: not a heartbeat" in carbon_watch("--once").stderr


def test_json_has_power_energy_and_phases(data_dir: Path) -> None:
    run_id = running(data_dir, ("epoch",), phases=EPOCHS)
    (run,) = json.loads(carbon_watch("--json").stdout)
    assert (run["run_id"], run["open_phases"], len(run["phases"])) == (run_id, ["epoch"], 12)
    assert run["power_w"] == pytest.approx(14.4)  # over the last samples, 10 s
    assert run["cpu_power_w"] == pytest.approx(10.8)
    assert run["energy_kwh"] == pytest.approx(9e-5)
    assert run["duration_s"] >= 30
    assert run["heartbeat_age_s"] >= 0


def tracked(data_dir: Path) -> TrackedRun:
    return track("fit", make_meter=FakeMeter(), data_dir=data_dir, heartbeat_s=0.2, sample_s=0.1)


def test_a_watch_of_one_run_ends_with_its_summary(data_dir: Path) -> None:
    with tracked(data_dir) as run:
        watch = terminal(run.run_id[:8])
        shown = watch.__enter__()
        shown.until(lambda text: "power now" in text)
    assert shown.end() == 0
    assert run.record
    assert f"run {run.run_id[:8]} fit: completed; 3 mWh in" in plain(shown.text)
    watch.__exit__(None, None, None)


def test_a_run_that_has_ended_is_summed_up(data_dir: Path) -> None:
    record = make_record()
    land(record, data_dir)
    assert carbon_watch(record.run_id).stdout.startswith("completed; 30 mWh in 10 s")


def test_without_a_terminal_each_heartbeat_is_a_line_and_the_end_too(data_dir: Path) -> None:
    with tracked(data_dir) as run, run.phase("epoch"):
        process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(2)]
    last, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    for line in lines:
        assert re.match(rf"\d\d:\d\d:\d\d {run.run_id[:8]} fit \(carbon_pipeline\): \d+ s, ", line)
        assert "\x1b" not in line
    assert "epoch, 0 done" in lines[1]
    assert f"run {run.run_id[:8]} fit: completed; 3 mWh in" in last


def test_a_watch_whose_reader_has_left_ends(data_dir: Path) -> None:
    with tracked(data_dir):
        process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_watch_leaves_a_clean_terminal(data_dir: Path, number: signal.Signals, status: int) -> None:
    running(data_dir)
    with terminal() as shown:
        shown.until(lambda text: "s ago" in text)
        shown.process.send_signal(number)
        assert shown.end() == status
    assert "interrupted" not in shown.text
    assert shown.text.rindex("\x1b[?25h") > shown.text.rindex("\x1b[?25l"), "the cursor is shown again"
    assert "Traceback" not in shown.text


def test_on_a_terminal_a_watch_of_all_waits_for_the_next_run(data_dir: Path) -> None:
    with terminal() as shown:
        shown.until(lambda text: "Waiting; Ctrl-C ends" in text)
        with tracked(data_dir):
            shown.until(lambda text: "1 run in progress" in text)
        shown.until(lambda text: "fit: completed" in text)
        assert shown.process.poll() is None


def test_a_terminal_without_unicode_shows_the_same(data_dir: Path) -> None:
    run_id = running(data_dir, phases=EPOCHS, name="né")
    done = carbon_watch(run_id, "--once", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert "n\\xe9" in done.stdout
    assert "@" in done.stdout
    assert done.stdout.isascii()


def test_the_view_follows_the_heartbeats(data_dir: Path) -> None:
    with tracked(data_dir) as run, terminal(run.run_id) as shown:
        shown.until(lambda text: "power now" in text)
        with run.phase("second half"):
            time.sleep(0.5)
        shown.until(lambda text: "1 phase ended" in text)
