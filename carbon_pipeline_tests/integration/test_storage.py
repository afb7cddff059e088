"""What the warehouse promises of its files: nothing lost or doubled by kills, races, readers, rebuilding, archiving."""

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from carbon_pipeline.errors import UserError
from carbon_pipeline.settings import SettingsError
from carbon_pipeline.tracking.landing import land, landed_files
from carbon_pipeline.warehouse import connection, landing_archive, schema
from carbon_pipeline.warehouse.ingest import large_file, load, source_archive
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import TASKS_3_3, row, write
from carbon_pipeline_tests.fakes import make_record

KILLS = int(os.environ.get("KILLS", "15"))
"""How often the loader is killed; KILLS=100 for a thorough run."""


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir, timeout_s=30)


def all_is_well(warehouse: Warehouse) -> None:
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}


def kept(warehouse: Warehouse) -> list[str]:
    folder = warehouse.data_dir / "inbox" / "kept"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# --- opening ---------------------------------------------------------------------------------------------------------

WRITER = """
import contextlib, sys
from pathlib import Path
from carbon_pipeline.warehouse import connection
if sys.argv[3] == "without":
    connection.locked = lambda *_: contextlib.nullcontext()
with connection.open_for_writing(Path(sys.argv[1])) as opened:
    opened.execute(sys.argv[2])
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace (Debian: apt install strace)")
@pytest.mark.parametrize("lock", ["with", "without"])
def test_a_writer_that_opens_late_does_not_overwrite_what_another_has_committed(tmp_path: Path, lock: str) -> None:
    """DuckDB 2.0.0 reads a file's header before it locks it; opened bare, 1,000 of these 1,001 rows are lost."""
    path, log = tmp_path / "warehouse.duckdb", tmp_path / "strace.log"
    with connection.open_for_writing(path) as opened:
        opened.execute("CREATE TABLE t (id VARCHAR)")
    command = [sys.executable, "-c", WRITER, str(path)]
    delay = ["-P", str(path), "-e", "trace=fcntl", "-e", "inject=fcntl:delay_enter=3000000:when=1"]
    slow = subprocess.Popen(["strace", "-f", "-o", str(log), *delay, *command, "INSERT INTO t VALUES ('slow')", lock])
    while slow.poll() is None and not (log.exists() and "F_SETLK" in log.read_text()):
        time.sleep(0.02)
    fast = subprocess.Popen([*command, "INSERT INTO t SELECT 'fast' || i FROM range(1000) r(i)", lock])
    assert (fast.wait(60), slow.wait(60)) == (0, 0)
    with connection.open_for_reading(path) as opened:
        assert opened.execute("SELECT count(*) FROM t").fetchall() == [(1001,)]


def _append(path: Path, name: str, count: int) -> None:
    for number in range(count):
        with connection.open_for_writing(path, 60) as opened:
            opened.execute("INSERT INTO t VALUES (?)", [f"{name}-{number}"])
            assert opened.execute("SELECT count(*) FROM t WHERE id = ?", [f"{name}-{number}"]).fetchall() == [(1,)]


@pytest.mark.long
def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with connection.open_for_writing(path) as opened:
        opened.execute("CREATE TABLE t (id VARCHAR)")
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append, args=(path, name, 25)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with connection.open_for_reading(path) as opened:
        assert opened.execute("SELECT count(DISTINCT id) FROM t").fetchall() == [(100,)]


def test_the_memory_limit_is_the_one_that_is_set(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = "SELECT current_setting('memory_limit') AS found"
    monkeypatch.setenv("CARBON_MEMORY_LIMIT", "512MiB")
    warehouse = Warehouse()
    warehouse.load()
    assert warehouse.rows(limit) == [{"found": "512.0 MiB"}]
    assert Warehouse(memory_limit="256MiB").rows(limit) == [{"found": "256.0 MiB"}]
    with connection.open_for_writing(warehouse.path, memory_limit="128MiB") as opened:
        assert opened.execute(limit).fetchall() == [("128.0 MiB",)]
    monkeypatch.setenv("CARBON_MEMORY_LIMIT", "much")
    with pytest.raises(SettingsError, match="CARBON_MEMORY_LIMIT='much'"):
        Warehouse()


def test_a_load_can_read_its_own_inbox_and_nothing_else_on_the_disk(warehouse: Warehouse, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.csv", row())
    (warehouse.data_dir / "inbox" / "kept").mkdir(parents=True)
    inside = write(warehouse.data_dir / "inbox" / "kept" / "inside.csv", row())
    (inside.parent / "link.csv").symlink_to(outside)
    with connection.open_for_writing(warehouse.path) as opened:
        assert len(opened.execute("FROM read_csv(?)", [str(inside)]).fetchall()) == 1
        for path in (outside, inside.parent / ".." / ".." / ".." / "outside.csv", inside.parent / "link.csv"):
            with pytest.raises(duckdb.Error):
                opened.execute("FROM read_csv(?)", [str(path)])


# --- publishing ------------------------------------------------------------------------------------------------------


def test_a_published_copy_that_is_being_read_is_not_overwritten(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.import_csv([write(tmp_path / "0.csv", row(run_id="run-0"))])
    with connection.open_for_reading(warehouse.reports_path) as reader:
        for number in (1, 2, 3):
            warehouse.import_csv([write(tmp_path / f"{number}.csv", row(run_id=f"run-{number}"))])
            assert reader.execute("SELECT count(*) FROM core.run").fetchall() == [(1,)]
            assert warehouse.count() == 1 + number
    assert warehouse.path.read_bytes() == warehouse.reports_path.read_bytes()


def test_what_a_killed_load_had_committed_is_published(warehouse: Warehouse) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    script = """
import os, sys; from pathlib import Path; from carbon_pipeline.warehouse.connection import open_for_writing
with open_for_writing(Path(sys.argv[1])) as opened:
    opened.execute("UPDATE raw.measurement SET project_name = 'committed'")
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script, str(warehouse.path)])
    assert connection.wal(warehouse.path).exists()
    warehouse.publish()
    assert [run["project_name"] for run in warehouse.report("runs")] == ["committed"]


# --- kills and readers -----------------------------------------------------------------------------------------------

KILLED_LOADER = """
import os, random, signal, sys, time
from pathlib import Path
import duckdb, pycountry, filelock
from carbon_pipeline.model.grid import world_average
from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.warehouse import Warehouse
large_file.LARGE_BYTES = 100_000
data_dir, kills, files = Path(sys.argv[1]), int(sys.argv[2]), [Path(path) for path in sys.argv[3:]]
world_average(), list(pycountry.countries)
chance, alive, took = random.Random(), 0, 0.6
for number in range(kills):
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        warehouse = Warehouse(data_dir)
        warehouse.load()
        warehouse.import_csv(files)
        os._exit(0)
    time.sleep(chance.uniform(0, took))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    alive += os.WIFSIGNALED(status)
    took = 0.8 * took + 0.2 * 1.1 * (time.monotonic() - began) if not os.WIFSIGNALED(status) else took * 1.05
print(alive)
"""


def _read_all_the_while(data_dir: Path, stop: Path, errors: Path) -> None:
    reads = 0
    while not stop.exists():
        try:
            warehouse = Warehouse(data_dir)
            # In one load come 20 records, in another 2,020 rows of files; no reader sees a part of a load.
            assert sum(run["runs"] for run in warehouse.report("by_project")) in (0, 20, 2040)
            reads += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            with errors.open("a") as file:
                file.write(f"{type(error).__name__}: {error}\\n")
        time.sleep(0.005)
    errors.with_suffix(".reads").write_text(str(reads))


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")
def test_a_loader_killed_at_random_moments_loses_and_doubles_nothing_and_readers_never_see_an_error(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.load()
    for _ in range(20):
        land(make_record(), warehouse.data_dir)
    large = write(tmp_path / "large.csv", *(row(run_id=f"large-{number}") for number in range(2000)))
    small = [write(tmp_path / f"{number}.csv", row(run_id=f"small-{number}")) for number in range(20)]
    stop, errors = tmp_path / "stop", tmp_path / "errors"
    spawn = multiprocessing.get_context("spawn")
    readers = [
        spawn.Process(target=_read_all_the_while, args=(warehouse.data_dir, stop, tmp_path / f"errors{number}"))
        for number in range(2)
    ]
    for reader in readers:
        reader.start()
    command = [sys.executable, "-c", KILLED_LOADER, str(warehouse.data_dir), str(KILLS), *map(str, (large, *small))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    warehouse.load()
    warehouse.import_csv([large, *small])
    stop.touch()
    for reader in readers:
        reader.join()
    assert int(done.stdout) >= KILLS / 3
    assert not list(tmp_path.glob("errors?")), errors
    assert all(int(path.read_text()) > 5 for path in tmp_path.glob("errors*.reads"))
    assert warehouse.count() == 20 + 2000 + 20
    all_is_well(warehouse)
    assert not [name for name in kept(warehouse) if name.startswith(".")]
    assert rebuild(warehouse).differences == []


# --- the inbox -------------------------------------------------------------------------------------------------------


def drop(warehouse: Warehouse, name: str, *rows: dict[str, str], text: str = "") -> Path:
    """A file that has lain in the inbox for a while."""
    path = warehouse.data_dir / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if rows:
        write(path, *rows)
    else:
        path.write_text(text)
    chance = random.uniform(60, 3600)
    os.utime(path, (time.time() - chance, time.time() - chance))
    return path


def test_a_file_placed_in_the_inbox_is_loaded_once_and_again_when_it_has_grown(warehouse: Warehouse) -> None:
    path = drop(warehouse, "of a friend/emissions.csv", row(run_id="run-1"))
    assert warehouse.pending() == [path]
    (result,) = warehouse.load()
    assert (result.source_file, result.rows_loaded) == ("inbox/of a friend/emissions.csv", 1)
    assert warehouse.pending() == []
    assert warehouse.load() == []

    drop(warehouse, "of a friend/emissions.csv", row(run_id="run-1"), row(run_id="run-2"))
    assert warehouse.pending() == [path]
    (result,) = warehouse.load()
    assert (result.rows_loaded, result.rows_superseded) == (1, 1)

    os.utime(path)  # touched: read again once it has settled, to no effect
    assert warehouse.pending() == []
    os.utime(path, (time.time() - 30, time.time() - 30))
    assert [result.note for result in warehouse.load()] == ["already loaded; CodeCarbon 3.1 to 3.2.0"]
    assert warehouse.pending() == []
    assert warehouse.count() == 2
    assert path.exists()
    all_is_well(warehouse)


def test_a_file_that_is_still_being_written_is_left_alone(warehouse: Warehouse) -> None:
    os.utime(drop(warehouse, "emissions.csv", row()))
    assert warehouse.pending() == []
    assert warehouse.load() == []


def test_a_file_of_another_kind_in_the_inbox_is_named_once_with_the_reason_and_does_not_stop_the_others(
    warehouse: Warehouse,
) -> None:
    drop(warehouse, "letter.txt", text="Dear all,\n")
    drop(warehouse, "empty.csv")
    drop(warehouse, "emissions.csv", row())
    results = {result.source_file: result for result in warehouse.load()}
    assert results["inbox/emissions.csv"].rows_loaded == 1
    assert results["inbox/empty.csv"].note == "is empty"
    assert results["inbox/letter.txt"].is_rejected
    assert "is no CSV file of CodeCarbon" in results["inbox/letter.txt"].note
    assert warehouse.pending() == []
    assert warehouse.load() == []
    all_is_well(warehouse)


def test_an_import_that_is_interrupted_leaves_everything_as_it_was(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.import_csv([write(tmp_path / "first.csv", row(run_id="run-1"))])
    before = kept(warehouse), warehouse.path.read_bytes(), warehouse.reports_path.read_bytes()
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)

    def interrupt(self: source_archive.SourceArchive) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(source_archive.SourceArchive, "seal", interrupt)
    with pytest.raises(KeyboardInterrupt):
        warehouse.import_csv([write(tmp_path / "second.csv", row(run_id="run-2"))])
    monkeypatch.undo()
    assert (kept(warehouse), warehouse.count()) == (before[0], 1)
    assert warehouse.rows("SELECT count(*) AS n FROM raw.loaded_file") == [{"n": 1}]
    warehouse.import_csv([tmp_path / "second.csv"])
    assert warehouse.count() == 2


def test_an_interruption_just_after_the_commit_keeps_the_copies(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def interrupted(opened: "duckdb.DuckDBPyConnection") -> Iterator[None]:
        with schema.transaction(opened):
            yield
        raise KeyboardInterrupt

    warehouse.load()
    path = write(tmp_path / "emissions.csv", row())
    with monkeypatch.context() as patched:
        patched.setattr(load, "transaction", interrupted)
        with pytest.raises(KeyboardInterrupt):
            warehouse.import_csv([path])
    assert len(kept(warehouse)) == 1
    assert rebuild(warehouse).differences == []


def test_what_is_known_is_not_kept_twice(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    path = write(tmp_path / "emissions.csv", row())
    for _ in range(3):
        warehouse.import_csv([path])
    assert len([name for name in kept(warehouse) if name.endswith(".csv")]) == 1


def test_links_and_files_that_change_back_are_not_new_for_ever(warehouse: Warehouse, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.csv", row(run_id="outside"))
    os.utime(outside, (time.time() - 60, time.time() - 60))
    (warehouse.data_dir / "inbox").mkdir(parents=True)
    (warehouse.data_dir / "inbox" / "link.csv").symlink_to(outside)
    for run_id in ("a", "b", "a"):
        drop(warehouse, "emissions.csv", row(run_id=run_id))
        warehouse.load()
        assert warehouse.pending() == []
    drop(warehouse, "emissions.csv", text="nothing\n")
    warehouse.load()
    drop(warehouse, "emissions.csv", row(run_id="a"))
    warehouse.load()
    assert warehouse.pending() == []
    assert warehouse.load() == []


def test_a_data_folder_that_duckdb_cannot_open_is_rejected_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(connection.WarehousePathError, match="question mark; choose another CARBON_DATA_DIR"):
        Warehouse(tmp_path / "da?ta").load()


# --- making it again -------------------------------------------------------------------------------------------------


def a_bit_of_everything(warehouse: Warehouse, tmp_path: Path) -> None:
    """Records, cumulative rows over several files, a record of an imported run, tasks, refused rows, a second name."""
    first = write(tmp_path / "first.csv", row(), row(run_id="other"), row(duration="none"))
    later = write(tmp_path / "later.csv", row(timestamp="2026-05-01T12:00:20", duration="20.0", energy_consumed=""))
    warehouse.import_csv([first])
    land(make_record(run_id="other"), warehouse.data_dir)
    land(make_record(host="a", process_cpu_s=5.0), warehouse.data_dir)
    land(make_record(host="a", process_cpu_s=1.0), warehouse.data_dir)
    warehouse.load()
    warehouse.import_csv([later])
    tasks = write(tmp_path / "tasks.csv", row(task_name="a"), row(task_name="b"), names=TASKS_3_3)
    shutil.copy(first, tmp_path / "second name.csv")
    warehouse.import_csv([tasks, tmp_path / "second name.csv"])
    drop(warehouse, "letter.txt", text="Dear all,\n")
    drop(warehouse, "dropped.csv", row(run_id="dropped"))
    warehouse.load()


def test_the_rebuilt_warehouse_is_the_same(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_bit_of_everything(warehouse, tmp_path)
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    warehouse.import_csv([write(tmp_path / "large.csv", row(), row(run_id="large-1"), row(run_id="large-1"))])
    all_is_well(warehouse)
    found = rebuild(warehouse)
    assert (found.differences, found.is_first, found.runs) == ([], False, warehouse.count())
    all_is_well(warehouse)
    assert rebuild(warehouse).differences == []


CHANGES = {
    "core.run": "UPDATE raw.measurement SET cpu_kwh = cpu_kwh * 2",
    "core.run: 0 rows": "DELETE FROM raw.measurement WHERE run_id = 'other'",
    "raw.measurement": "UPDATE raw.measurement SET file_cpu_w = 1",
    "raw.quarantine": "DELETE FROM raw.quarantine",
    "raw.loaded_file": "UPDATE raw.loaded_file SET rows_read = 0",
}


@pytest.mark.long
def test_a_warehouse_that_was_changed_by_hand_is_detected_and_stays_until_replace_is_given(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    a_bit_of_everything(warehouse, tmp_path)
    for table, change in CHANGES.items():
        with connection.open_for_writing(warehouse.path) as opened:
            opened.execute(change)
        differences = rebuild(warehouse).differences
        assert any(difference.startswith(table) for difference in differences)
        assert rebuild(warehouse, replace=True).differences == differences  # it was still there
    assert rebuild(warehouse).differences == []
    all_is_well(warehouse)


def test_a_deleted_warehouse_is_rebuilt_by_the_next_load(warehouse: Warehouse, tmp_path: Path) -> None:
    a_bit_of_everything(warehouse, tmp_path)
    before = warehouse.report("runs")
    warehouse.path.unlink()
    warehouse.reports_path.unlink()
    warehouse.import_csv([write(tmp_path / "in between.csv", row(run_id="between"))])
    warehouse.load()
    assert warehouse.load() == []
    after = [run for run in warehouse.report("runs") if run["run_id"] != "between"]
    assert sorted(run["run_id"] for run in after) == sorted(run["run_id"] for run in before)
    all_is_well(warehouse)


@pytest.mark.parametrize("version", [pytest.param(0, marks=pytest.mark.long), schema.VERSION + 1])
def test_a_warehouse_of_another_version_is_left_alone_until_it_is_rebuilt_from_the_stored_files(
    warehouse: Warehouse, tmp_path: Path, version: int
) -> None:
    a_bit_of_everything(warehouse, tmp_path)
    before = warehouse.report("runs")
    with connection.open_for_writing(warehouse.path) as opened:
        opened.execute(
            f"UPDATE raw.schema_version SET version = {version}" if version else "DROP TABLE raw.schema_version"
        )
    content = warehouse.path.read_bytes()
    for refused in (warehouse.load, lambda: rebuild(warehouse)):
        with pytest.raises(UserError, match=rf"has schema {version}, this carbon-pipeline needs .* rebuild --replace"):
            refused()
    assert warehouse.path.read_bytes() == content
    assert rebuild(warehouse, replace=True).runs == len(before)
    assert {run["run_id"] for run in warehouse.report("runs")} == {run["run_id"] for run in before}
    all_is_well(warehouse)


def test_records_of_past_days_are_put_together_and_none_is_lost(warehouse: Warehouse) -> None:
    today = datetime.now(UTC)
    texts = {}
    for day in range(4):
        for _ in range(3):
            path = land(make_record(ended_at=today - timedelta(days=day), name='é\n"x"'), warehouse.data_dir)
            texts[str(path.relative_to(warehouse.data_dir))] = path.read_text()
    bad = land(make_record(ended_at=today - timedelta(days=2)), warehouse.data_dir)
    bad.write_text("{}")
    warehouse.load()
    not_loaded = land(make_record(ended_at=today - timedelta(days=2)), warehouse.data_dir)
    before = warehouse.report("runs")

    compacted = warehouse.compact()
    assert (compacted.records, len(compacted.archives)) == (9, 3)
    assert {path.name for path in landed_files(warehouse.data_dir)} >= {bad.name, not_loaded.name}
    assert len(landed_files(warehouse.data_dir)) == 3 + 2
    archived = {
        name: text
        for archive in landing_archive.archives(warehouse.data_dir)
        for name, _, text in landing_archive.read_archive(archive, warehouse.data_dir)
    }
    today_s = f"{today:%Y-%m-%d}"
    assert archived == {name: text for name, text in texts.items() if today_s not in name}
    assert warehouse.compact() == (0, [])
    assert warehouse.report("runs") == before

    warehouse.load()  # what had not been loaded, of a day that is archived
    assert warehouse.compact().records == 1
    assert rebuild(warehouse).differences == []
    warehouse.path.unlink()
    warehouse.load()
    assert warehouse.count() == 13
    all_is_well(warehouse)


def test_an_archive_that_was_killed_before_it_deleted_the_records_is_ended_by_the_next_one(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        land(make_record(), warehouse.data_dir)
    warehouse.load()
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda *_, **__: os.kill(os.getpid(), 0) or (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            warehouse.compact()
    assert len(landed_files(warehouse.data_dir)) == 3
    warehouse.compact()
    assert landed_files(warehouse.data_dir) == []
    (archive,) = landing_archive.archives(warehouse.data_dir)
    assert len(list(landing_archive.read_archive(archive, warehouse.data_dir))) == 3


def test_an_archive_that_does_not_read_back_deletes_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    monkeypatch.setattr(landing_archive, "read_archive", lambda *_: iter(()))
    with pytest.raises(landing_archive.LostError, match="stay where they are"):
        warehouse.compact()
    assert len(landed_files(warehouse.data_dir)) == 1
    assert landing_archive.archives(warehouse.data_dir) == []
