"""The data folder and the warehouse may be links, and have any name; what killed writers have left is swept away."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.settings import SettingsError, read_settings
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse import connection
from carbon_pipeline.warehouse.connection import WarehousePathError, locked
from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.spill import spill_folder, sweep_spill
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import FakeMeter, make_record


@pytest.mark.parametrize("is_dangling", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_warehouse_that_is_a_link_stays_one(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_dangling: bool
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    warehouse = Warehouse(data_dir)
    elsewhere = tmp_path / "large disk" / "w.duckdb"
    if not is_dangling:
        warehouse.load()
        elsewhere.parent.mkdir()
        warehouse.path.rename(elsewhere)
    data_dir.mkdir(exist_ok=True)
    warehouse.path.symlink_to(elsewhere)
    land(make_record(), data_dir)
    warehouse.load()
    warehouse.import_csv([write(tmp_path / "emissions.csv", row())])
    assert warehouse.count() == 2
    assert rebuild(warehouse).differences == []
    rebuild(warehouse, replace=True)
    assert warehouse.path.is_symlink()
    assert warehouse.count() == 2
    assert sorted(path.name for path in elsewhere.parent.iterdir()) == ["w.duckdb", "w.duckdb.lock"]


def test_a_data_folder_that_is_a_link_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    warehouse = Warehouse(tmp_path / "link")
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    warehouse.import_csv([write(tmp_path / "emissions.csv", row())])
    assert rebuild(warehouse).differences == []
    assert Warehouse(tmp_path / "real").count() == 2
    assert Warehouse(tmp_path / "real").pending() == []


def test_a_data_folder_in_the_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Warehouse("~/data").data_dir == tmp_path / "home" / "data"
    with track("fit", data_dir="~/data", make_meter=FakeMeter()) as run:
        pass
    assert run.landed_at is not None
    assert run.landed_at.is_relative_to(tmp_path / "home" / "data")
    monkeypatch.setenv("CARBON_DATA_DIR", "~/other")
    monkeypatch.setenv("CARBON_REPORT_CONTEXT", "~/context.yaml")
    settings = read_settings()
    assert (settings.data_dir, settings.report_context) == (tmp_path / "home/other", tmp_path / "home/context.yaml")
    with pytest.raises(SettingsError, match=r"CARBON_DATA_DIR='~no-such-user/data' is not usable"):
        read_settings(data_dir="~no-such-user/data")


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are not UTF-8")
def test_in_a_data_folder_whose_name_is_not_utf_8_runs_are_measured_and_the_warehouse_says_why_not(
    tmp_path: Path,
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    with track("fit", data_dir=folder, make_meter=FakeMeter()) as run:
        pass
    assert run.landed_at is not None
    with pytest.raises(WarehousePathError, match=r"caf\\xe9: DuckDB cannot open a path that is not UTF-8"):
        Warehouse(folder).load()
    done = subprocess.run(
        [sys.executable, "-m", "carbon_pipeline", "load"],
        env={**os.environ, "CARBON_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert r"caf\xe9: DuckDB cannot open a path" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_in_place_of_the_warehouse_is_named(data_dir: Path) -> None:
    (data_dir / "warehouse.duckdb").mkdir(parents=True)
    with pytest.raises(WarehousePathError, match=r"warehouse\.duckdb is not a file"):
        Warehouse(data_dir).load()


def test_what_a_killed_rebuild_has_left_is_swept_away_by_the_next_load(data_dir: Path) -> None:
    data_dir.mkdir()
    for ending in ("", ".wal", ".lock"):
        (data_dir / f".warehouse.duckdb.rebuilt{ending}").write_text("left")
    with locked(data_dir / "warehouse.duckdb"):
        pass
    assert [path.name for path in data_dir.iterdir()] == ["warehouse.duckdb.lock"]


def test_a_rebuild_is_not_swept_away_by_its_own_steps(data_dir: Path) -> None:
    data_dir.mkdir()
    beside = data_dir / ".warehouse.duckdb.rebuilt"
    with locked(data_dir / "warehouse.duckdb"):
        beside.write_text("in use")
        with locked(data_dir / "warehouse.duckdb"):
            assert beside.exists()


def test_what_a_killed_process_has_spilled_is_swept_away_and_what_is_in_use_is_not(data_dir: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    host = socket.gethostname()
    data_dir.mkdir()
    left, old = data_dir / f".spill.{host}.{killed.pid}.0", data_dir / ".spill"
    used, elsewhere = spill_folder(data_dir), data_dir / f".spill.another.host.{killed.pid}.0"
    for folder in (left, old, used, elsewhere):
        folder.mkdir()
        (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    os.utime(old, (1, 1))
    Warehouse(data_dir).load()
    assert sorted(data_dir.glob(".spill*")) == sorted([used, elsewhere])
    os.utime(elsewhere, (1, 1))
    sweep_spill(data_dir)
    assert sorted(data_dir.glob(".spill*")) == [used]


def test_a_query_that_spills_leaves_nothing_behind(tmp_path: Path) -> None:
    seen = []
    with connection.open_in_memory(tmp_path, "80MB") as opened:
        opened.execute("CREATE TABLE t AS SELECT hash(i) AS h, 'text ' || i AS s FROM range(3000000) r(i)")
        seen = [path.name for path in tmp_path.iterdir()]
    assert seen != []
    assert seen[0].startswith(f".spill.{socket.gethostname()}.{os.getpid()}.")
    assert list(tmp_path.iterdir()) == []
