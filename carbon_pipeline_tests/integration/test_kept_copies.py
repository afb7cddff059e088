"""What is kept of all that was loaded: the warehouse can be made again from it, after whatever accident."""

import hashlib
import os
import shutil
import signal
import threading
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.warehouse_definitions import warehouse_definitions
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse import warehouse as warehouse_module
from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.ingest.source_archive import KeptError
from carbon_pipeline.warehouse.rebuild import WarehouseUnreadableError, rebuild
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record

pytestmark = pytest.mark.long  # a matrix of what is wrong with real files

PAST = datetime(2025, 5, 1, tzinfo=UTC)


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir)


def imported(warehouse: Warehouse, tmp_path: Path, run_id: str) -> None:
    warehouse.import_csv([write(tmp_path / f"{run_id}.csv", row(run_id=run_id))])


def kept(warehouse: Warehouse) -> Path:
    return warehouse.data_dir / "inbox" / "kept"


def hide(warehouse: Warehouse) -> None:
    """As a kill between the commit and the renaming of the copies leaves them."""
    for path in kept(warehouse).iterdir():
        path.rename(path.with_name(f".{path.name}"))


def delete(warehouse: Warehouse) -> None:
    for path in warehouse.data_dir.glob("*.duckdb*"):
        path.unlink()


@pytest.mark.parametrize("is_large", [False, True])
def test_copies_whose_load_was_killed_after_its_commit_are_found_by_a_rebuild(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    if is_large:
        monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    imported(warehouse, tmp_path, "a")
    hide(warehouse)
    found = rebuild(warehouse)
    assert (found.differences, found.runs) == ([], 1)


@pytest.mark.parametrize("is_large", [False, True])
def test_copies_whose_load_was_killed_after_its_commit_outlive_the_warehouse(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    if is_large:
        monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    imported(warehouse, tmp_path, "a")
    hide(warehouse)
    delete(warehouse)
    warehouse.load()
    assert warehouse.count() == 1


def test_a_stored_copy_that_was_changed_is_detected(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    imported(warehouse, tmp_path, "a")
    (copy,) = kept(warehouse).glob("*.csv")
    copy.write_text(copy.read_text().replace("3e-05", "9e-05"))
    delete(warehouse)
    with pytest.raises(KeptError, match=copy.name):
        warehouse.load()
    copy.unlink()
    with pytest.raises(KeptError, match=copy.name):
        warehouse.load()


LINES = st.lists(
    st.sampled_from([b"a,b\n", b"1,2.5\n", b"x86_64,2\n", b"1_000,2\n", b'a, "b"\n', b"a\tb\n", b"a\r\n", b"\0\n"])
)


@given(lines=LINES, rest=st.sampled_from([b"", b"a,b"]), chunk_bytes=st.integers(1, 40))
def test_a_large_file_is_looked_at_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], rest: bytes, chunk_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("large") / "emissions.csv"
    content = b"".join(lines) + rest
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_file, "CHUNK_BYTES", chunk_bytes)
        found = large_file.examine(path)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.lines == len(lines)
    assert found.is_clean == (bool(lines) and not rest and {*lines} <= {b"a,b\n", b"1,2.5\n", b"x86_64,2\n"})


def test_a_damaged_archive_of_copies_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    imported(warehouse, tmp_path, "a")
    (archive,) = kept(warehouse).iterdir()
    archive.write_bytes(b"no archive")
    with pytest.raises(KeptError, match=archive.name):
        rebuild(warehouse)
    assert warehouse.count() == 1


def test_a_damaged_warehouse_is_rebuilt(warehouse: Warehouse, tmp_path: Path) -> None:
    imported(warehouse, tmp_path, "a")
    warehouse.path.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseUnreadableError, match="--replace"):
        rebuild(warehouse)
    found = rebuild(warehouse, replace=True)
    assert found.runs == 1
    assert "cannot be read" in found.differences[0]
    assert warehouse.count() == 1


def test_an_archive_of_landed_records_never_takes_the_place_of_another(warehouse: Warehouse, tmp_path: Path) -> None:
    folder = warehouse.data_dir / "landing"
    for number in range(3):
        land(make_record(ended_at=PAST), warehouse.data_dir)
        warehouse.load()
        warehouse.compact()
        if number == 1:
            (first,) = folder.glob("*.1.parquet")
            first.rename(tmp_path / first.name)
    assert sorted(path.name.split(".")[1] for path in folder.glob("*.parquet")) == ["2", "3"]


@pytest.mark.parametrize("name", ["a [b] c", "a*b", "it's", "a{b}"])
def test_a_data_folder_of_any_name_takes_large_files_and_archives(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    warehouse = Warehouse(tmp_path / name)
    imported(warehouse, tmp_path, "a")
    land(make_record(ended_at=PAST), warehouse.data_dir)
    warehouse.load()
    assert warehouse.compact().records == 1
    assert rebuild(warehouse).differences == []
    assert warehouse.count() == 2


def test_a_ctrl_c_after_the_commit_does_not_leave_the_reports_behind(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = warehouse_module.publish

    def interrupted(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        publish(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(warehouse_module, "publish", interrupted)
    imported(warehouse, tmp_path, "a")
    assert warehouse.count() == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_load_works_in_any_thread(warehouse: Warehouse, tmp_path: Path) -> None:
    thread = threading.Thread(target=imported, args=(warehouse, tmp_path, "a"))
    thread.start()
    thread.join()
    assert warehouse.count() == 1


def drop(warehouse: Warehouse, name: bytes, age_s: float) -> None:
    folder = warehouse.data_dir / "inbox"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "drop.csv", row(run_id="dropped"))
    os.utime(folder / "drop.csv", (time.time() - age_s,) * 2)
    os.rename(folder / "drop.csv", os.fsencode(folder) + b"/" + name)


def test_a_file_from_a_machine_whose_clock_is_ahead_is_loaded(warehouse: Warehouse) -> None:
    drop(warehouse, b"ahead.csv", age_s=-86400)
    assert len(warehouse.load()) == 1


def test_a_file_that_is_too_fresh_is_named(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbon_pipeline.warehouse.ingest.files.SETTLED_S", 3600.0)  # a busy machine may take its time
    drop(warehouse, b"new.csv", age_s=0)
    assert warehouse.load() == []
    assert [path.name for path in warehouse.fresh()] == ["new.csv"]


def test_the_sensor_takes_a_file_whose_name_is_no_text_and_one_whose_content_is_new(warehouse: Warehouse) -> None:
    def asked() -> str:
        with dg.build_sensor_context(resources={"carbon_warehouse": WarehouseResource()}) as context:
            (sensor,) = warehouse_definitions().sensors or ()
            (request,) = sensor(context)  # type: ignore[operator]
            assert isinstance(request, dg.RunRequest)
            return str(request.run_key)

    drop(warehouse, b"\xff.csv", age_s=60)
    first = asked()
    assert first.encode()
    drop(warehouse, b"\xff.csv", age_s=120)
    assert asked() != first


def test_only_our_own_copies_are_passed_over_when_a_folder_is_imported(warehouse: Warehouse, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine" / "inbox" / "kept"
    elsewhere.mkdir(parents=True)
    write(elsewhere / "emissions.csv", row())
    (tmp_path / "mine" / "broken_link.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "mine" / "linked").symlink_to(tmp_path)
    found = find_files([tmp_path / "mine"], warehouse.data_dir)
    assert found.files == [elsewhere / "emissions.csv"]
    assert found.others == 2


def test_what_is_rejected_does_not_depend_on_the_clock(warehouse: Warehouse, tmp_path: Path) -> None:
    (result,) = warehouse.import_csv(
        [write(tmp_path / "emissions.csv", row(timestamp="2099-01-01T00:00:00"), row(timestamp="2101-01-01T00:00:00"))]
    )
    assert (result.rows_loaded, result.rows_quarantined) == (1, 1)
    assert rebuild(warehouse).differences == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_flags_of_a_run_do_not_depend_on_the_order_of_loads(tmp_path: Path, order: tuple[int, int]) -> None:
    early, late = (
        row(),
        row(timestamp="2026-05-01T12:00:20", duration="20.0", energy_consumed="6e-05", cpu_energy="5e-05"),
    )
    files = [
        write(tmp_path / "a.csv", early, late),
        write(tmp_path / "b.csv", late, row(run_id="other", tracking_mode="process")),
    ]
    warehouse = Warehouse(tmp_path / "data")
    for number in order:
        warehouse.import_csv([files[number]])
    assert {"cumulative_superseded", "mixed_tracking_modes"} <= set(
        next(run["flags"] for run in warehouse.report("runs") if run["run_id"] != "other")
    )
    assert rebuild(warehouse).differences == []
    shutil.rmtree(tmp_path / "data")


def test_rows_without_a_run_id_are_one_run_only_if_they_are_equal(warehouse: Warehouse, tmp_path: Path) -> None:
    nameless = {"run_id": "", "experiment_id": "e1"}
    rows = [
        row(**nameless),
        row(**nameless | {"experiment_id": "e2"}),
        row(**nameless, country_name="Spain", country_iso_code="ES"),
        row(**nameless, cpu_energy="1e-05", gpu_energy="1e-05"),
        row(**nameless, emissions="0.5", energy_consumed=""),
        row(**nameless, emissions="", energy_consumed="0.5"),
        row(**nameless),
    ]
    (result,) = warehouse.import_csv([write(tmp_path / "emissions.csv", *rows)])
    assert (result.rows_loaded, result.rows_superseded) == (6, 1)


def test_landed_records_come_back_from_what_is_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    imported(warehouse, tmp_path, "a")
    delete(warehouse)
    warehouse.load()
    assert warehouse.count() == 2


def test_a_copy_that_is_gone_is_named_by_a_rebuild(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.import_csv([write(tmp_path / "emissions.csv", row())])
    (archive,) = (warehouse.data_dir / "inbox" / "kept").glob("*.zip")
    archive.rename(tmp_path / archive.name)
    found = rebuild(warehouse)
    assert any(archive.name in sentence and "put it back" in sentence for sentence in found.differences)
    assert warehouse.count() == 1
    (tmp_path / archive.name).rename(archive)
    assert rebuild(warehouse).differences == []


def test_an_import_that_ctrl_c_ends_while_it_keeps_a_file_says_only_that_it_was_interrupted(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_written = []

    def interrupted(self: zipfile.ZipFile, name: str, content: bytes, *args: object) -> None:
        half_written.append(self.open(name, "w"))  # still held by the frames of the traceback
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "writestr", interrupted)
    with pytest.raises(KeyboardInterrupt):
        imported(warehouse, tmp_path, "a")
    monkeypatch.undo()
    assert half_written
    half_written.clear()
    imported(warehouse, tmp_path, "b")
    assert len(list((warehouse.data_dir / "inbox" / "kept").iterdir())) == 1
