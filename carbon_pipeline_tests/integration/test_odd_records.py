"""One odd file or record stops nothing: it is passed over or quarantined with the reason, and the rest is loaded."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carbon_pipeline.tracking import landing
from carbon_pipeline.tracking.landing import (
    RUNNING,
    Heartbeat,
    killed_runs,
    land,
    landed_files,
    passed_over,
    write_heartbeat,
)
from carbon_pipeline.warehouse.landing_archive import DamagedArchiveError
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

LOAD = [sys.executable, "-m", "carbon_pipeline", "load"]


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has at most 108 bytes
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "a named pipe"),
    "link to a pipe": (lambda path: path.symlink_to("pipe.json"), "a named pipe"),
    "socket": (a_socket, "a socket"),
    "folder": (Path.mkdir, "a folder"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "a link that leads to no file"),
    "link to itself": (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels of symbolic links"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
}


def test_what_is_no_file_among_the_records_hangs_and_hides_nothing(data_dir: Path) -> None:
    folder = land(make_record(), data_dir).parent
    (data_dir / RUNNING).mkdir()
    odd = {place / f"{kind}.json": kind for place in (folder, data_dir / RUNNING) for kind in ODD}
    for path, kind in odd.items():
        ODD[kind][0](path)
    done = subprocess.run(LOAD, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split(";")[0]) == (0, "1 file: 1 run loaded, 0 rows superseded, 0 rejected")
    for path, kind in odd.items():
        assert f"passed over: {path}: {ODD[kind][1]}" in done.stderr


def test_files_of_other_users_are_passed_over_until_they_can_be_read(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record(status="interrupted")
    write_heartbeat(record, data_dir)
    path = land(make_record(), data_dir)
    access = os.access
    with monkeypatch.context() as closed:  # root reads everything
        closed.setattr(landing.os, "access", lambda at, mode: Path(at).suffix != ".json" and access(at, mode))
        assert Warehouse(data_dir).load() == []
        denied = "cannot be read: Permission denied"
        assert passed_over(data_dir) == [(path, denied), (data_dir / RUNNING / f"{record.run_id}.json", denied)]
    assert len(Warehouse(data_dir).load()) == 1
    assert passed_over(data_dir) == []


def test_a_folder_of_another_user_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = land(make_record(), data_dir).parent
    monkeypatch.setattr(landing.os, "access", lambda at, mode: Path(at) != folder)
    assert passed_over(data_dir) == [(folder, "cannot be read: Permission denied")]


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are not UTF-8")
def test_records_whose_names_are_not_utf_8_are_loaded(data_dir: Path) -> None:
    path = land(make_record(), data_dir)
    path.rename(path.with_name(os.fsdecode(b"caf\xe9.json")))
    os.mkfifo(path.with_name(os.fsdecode(b"pipe \xe9.json")))
    done = subprocess.run(LOAD, capture_output=True, text=True, timeout=120)
    assert "1 run loaded" in done.stdout
    assert r"pipe \xe9.json: a named pipe" in done.stderr


def heartbeat_of(data_dir: Path, **changes: str) -> Path:
    """A heartbeat of a killed run, some of whose text is replaced."""
    record = make_record(status="interrupted", run_id="the-run")
    text = Heartbeat(record=record, host=socket.gethostname(), pid=1, process_started_at=1.0).model_dump_json()
    for old, new in changes.items():
        text = text.replace(old, new)
    path = data_dir / RUNNING / "the-run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "run_id",
    ["../../outside", "/tmp/outside", "a/b", r"a\\b", r"a\u0000b", "..", ".hidden", "x" * 201, "é" * 101, "another"],
)
def test_a_heartbeat_never_chooses_where_its_record_lands(data_dir: Path, run_id: str) -> None:
    path = heartbeat_of(data_dir, **{"the-run": run_id})
    before = sorted(data_dir.parent.rglob("*"))
    assert killed_runs(data_dir) == []
    assert landing.land_killed_runs(data_dir) == []
    assert sorted(data_dir.parent.rglob("*")) == before
    ((passed, reason),) = passed_over(data_dir)
    assert passed == path
    assert reason.startswith("not a heartbeat: ")


@pytest.mark.parametrize(
    "changes",
    [
        {'"interrupted"': '"completed"'},  # it would replace the record of a run that has ended
        {'"pid":1': '"pid":' + "9" * 30},
        {'"pid":1': '"pid":-1'},
        {'"task":null': '"task":{"a":' + "[" * 100_000 + "]" * 100_000 + "}"},
        {"2026-11-24": "9999-12-31"},
    ],
)
def test_an_impossible_heartbeat_stops_no_load(data_dir: Path, changes: dict[str, str]) -> None:
    heartbeat_of(data_dir, **changes)
    land(make_record(), data_dir)
    assert len(Warehouse(data_dir).load()) == 1
    assert len(passed_over(data_dir)) == 1


def test_a_killed_run_that_cannot_land_does_not_keep_the_others_from_landing(data_dir: Path) -> None:
    heartbeat_of(data_dir)
    other = make_record(status="interrupted", started_at="2026-01-01T00:00:00Z")
    text = Heartbeat(record=other, host=socket.gethostname(), pid=1, process_started_at=1.0).model_dump_json()
    (data_dir / RUNNING / f"{other.run_id}.json").write_text(text)
    (data_dir / "landing").mkdir()
    (data_dir / "landing" / "2026-11-24").write_text("a file where a folder should be")
    assert [path.parent.name for path in landing.land_killed_runs(data_dir)] == ["2026-01-01"]
    assert len(landed_files(data_dir)) == 1


def test_a_damaged_or_strange_archive_of_records_is_named_and_stops_nothing_that_is_whole(
    data_dir: Path, tmp_path: Path
) -> None:
    record = make_record()
    land(record, data_dir)
    os.mkfifo(data_dir / "landing" / "x.parquet")
    (data_dir / "landing" / "theirs.parquet").write_bytes(b"nothing of ours")
    (data_dir / "inbox" / "kept").mkdir(parents=True)
    os.mkfifo(data_dir / "inbox" / "kept" / "x.zip")
    (data_dir / "inbox" / "kept" / "backup.zip").write_bytes(b"nothing of ours")
    warehouse = Warehouse(data_dir)
    warehouse.load()
    assert warehouse.count() == 1
    assert {path.name for path, _ in passed_over(data_dir)} == {"x.parquet", "theirs.parquet"}
    assert rebuild(warehouse).differences == []


def test_an_archive_of_ours_that_is_damaged_is_named_with_what_to_do(data_dir: Path) -> None:
    land(make_record(ended_at=datetime(2026, 1, 2, tzinfo=UTC)), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    warehouse.compact()
    (archive,) = (data_dir / "landing").glob("*.parquet")
    whole = archive.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:200] + b"\xff" + whole[201:]):
        archive.write_bytes(damaged)
        with pytest.raises(DamagedArchiveError, match="put back a copy") as error:
            rebuild(warehouse)
        assert str(archive) in str(error.value)
    archive.write_bytes(whole)
    assert rebuild(warehouse).differences == []


@pytest.mark.parametrize(("code", "is_loaded"), [("XK", True), ("fr", True), ("<>", False), ("ZZZ", False)])
def test_a_country_code_that_iso_does_not_know_stops_no_load(data_dir: Path, code: str, is_loaded: bool) -> None:
    text = make_record(run_id="odd").model_dump(mode="json") | {"country_iso_code": code}
    path = data_dir / "landing" / "2026-01-01" / "odd.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(text))
    land(make_record(run_id="good"), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    runs = {run["run_id"]: run["country_iso_code"] for run in warehouse.report("runs")}
    assert runs.get("odd") == (code.upper() if is_loaded else None)
    assert "good" in runs
    assert bool(warehouse.report("quarantine")) != is_loaded
