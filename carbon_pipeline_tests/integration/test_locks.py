"""The message to those who wait for a lock names its holder, and trusts nothing that is written about it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carbon_pipeline.boamps.context import ReportContext
from carbon_pipeline.boamps.export import FOLDER, export_all
from carbon_pipeline.warehouse.connection import WarehouseBusyError, locked
from carbon_pipeline.warehouse.warehouse import Warehouse

HOLD = """
import sys
from pathlib import Path
from carbon_pipeline.warehouse.connection import locked
sys.argv = [*sys.argv[2:], "--token=secret"]
with locked(Path(sys.argv.pop(0))):
    print("held", flush=True)
    sys.stdin.read()
"""
HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@contextmanager
def held(path: Path, *argv: str) -> Iterator[int]:
    """Another process, with these arguments, holds a file; its ID."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, "-", str(path), *argv], stdin=-1, stdout=-1, text=True, env=HERE
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
    finally:
        holder.communicate()


def note(path: Path) -> Path:
    return path.with_name(f".{path.name}.holder")


@pytest.mark.parametrize("command", ["load", "rebuild", "import"])
def test_a_command_that_waits_in_vain_says_who_holds_the_warehouse_and_since_when(data_dir: Path, command: str) -> None:
    (data_dir.parent / "emissions.csv").write_text("timestamp,run_id,duration,emissions\n")
    names = ["emissions.csv"] if command == "import" else []
    path = data_dir / "warehouse.duckdb"
    with held(path, "/usr/bin/carbon-pipeline", "load") as pid:
        run = [sys.executable, "-m", "carbon_pipeline", command, "--wait", "0.1", *names]
        done = subprocess.run(run, capture_output=True, text=True, env=HERE | dict(os.environ), timeout=120)
    assert done.returncode == 1
    assert f"{path} is being written by process {pid} on {socket.gethostname()} (carbon-pipeline load) " in done.stderr
    assert " UTC; it was not free for 0.1 s; try again when it has ended" in done.stderr
    assert "secret" not in done.stderr


def test_an_export_that_waits_in_vain_says_so(data_dir: Path) -> None:
    warehouse = Warehouse(data_dir)
    warehouse.load()
    folder = data_dir / FOLDER
    with held(folder, "script.py"), pytest.raises(WarehouseBusyError, match=r"boamps is being written by .*script\.py"):
        export_all(warehouse, ReportContext(), folder, wait_s=0.1)


def test_arguments_of_other_programs_are_noted_nowhere(tmp_path: Path) -> None:
    with held(tmp_path / "file", "script.py", "password"):
        assert "script.py" in note(tmp_path / "file").read_text()
        assert "password" not in note(tmp_path / "file").read_text()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"pid": -1, "host": "a", "command": "b", "since": "2026-01-01T00:00:00Z"}',
        b'{"pid": 1, "host": "\\u001b[31m", "command": "b", "since": "2026-01-01T00:00:00Z"}',
        b'{"pid": 1, "host": "a", "command": "%b", "since": "2026-01-01T00:00:00Z"}' % (b"x" * 5000),
        None,
    ],
)
def test_a_note_that_is_not_plain_is_not_shown(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "file"
    with held(path, "script.py"):
        note(path).unlink()
        if content is None:
            os.mkfifo(note(path))
        else:
            note(path).write_bytes(content)
        with pytest.raises(WarehouseBusyError, match="is being written by another process; "), locked(path, 0.1):
            pass


def test_a_lock_that_is_taken_again_stays_noted_until_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with locked(path):
        with locked(path):
            pass
        assert f'"pid":{os.getpid()}' in note(path).read_text()
    assert not note(path).exists()


def test_a_folder_in_which_nothing_can_be_noted_can_be_locked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    note(path).mkdir()
    with locked(path):
        pass


def test_a_link_and_its_file_have_one_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with held(tmp_path / "file", "script.py"), pytest.raises(WarehouseBusyError), locked(tmp_path / "link", 0.1):
        pass
