"""A damaged database is called damaged, with the remedy, whatever the damage; and the remedy works."""

import random
import shutil
import sys
from pathlib import Path

import duckdb
import pytest

from carbon_pipeline.cli import app
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse import connection
from carbon_pipeline.warehouse.connection import WarehouseBusyError, WarehouseDamagedError, WarehouseFileError
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

RUNS = 3
SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(5, 30))]
"""One damage of each kind, and many more in `make test-long`."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded") / "data"
    for _ in range(RUNS):
        land(make_record(), folder)
    Warehouse(folder).load()
    return folder


def damage(path: Path, seed: int) -> None:
    """Damage a file: bytes of any block, a block of zeros or of chance, an end that is missing."""
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    if seed % 5 == 0:
        del content[max(at, 1) :]
    elif seed % 5 == 1:
        content[at : at + 8] = chance.randbytes(8)
    elif seed % 5 == 2:
        content[at - at % 4096 : at - at % 4096 + 4096] = bytes(4096)
    elif seed % 5 == 3:
        content[at - at % 4096 : at - at % 4096 + 4096] = chance.randbytes(4096)
    else:
        at %= 3 * 4096  # the headers
        content[at : at + 8] = chance.randbytes(8)
    path.write_bytes(content)


def carbon_pipeline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command in this process: 90 processes would take minutes.

    Returns:
        What it printed on stderr; empty if it succeeded.
    """
    monkeypatch.setattr(sys, "argv", ["carbon-pipeline", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.main()
    printed = capsys.readouterr().err
    assert ended.value.code in (0, 1), printed
    return printed if ended.value.code else ""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_warehouse_is_called_damaged_and_the_remedy_loses_nothing(
    data_dir: Path, loaded: Path, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(loaded, data_dir)
    damage(data_dir / "warehouse.duckdb", seed)
    land(make_record(), data_dir)
    if printed := carbon_pipeline(monkeypatch, capsys, "load"):  # a block may be damaged that is not in use
        assert "warehouse.duckdb is damaged" in printed
        assert "carbon-pipeline rebuild --replace" in printed
        assert "another program" not in printed
        compared = carbon_pipeline(monkeypatch, capsys, "rebuild")  # the tables that it compares may be whole
        assert compared == "" or "--replace" in compared
    carbon_pipeline(monkeypatch, capsys, "rebuild", "--replace")
    assert Warehouse(data_dir).count() == RUNS + 1


@pytest.mark.parametrize("seed", SEEDS[::3])
def test_damaged_reports_are_called_damaged_and_the_next_load_replaces_them(
    data_dir: Path, loaded: Path, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(loaded, data_dir)
    damage(data_dir / "reports.duckdb", seed)
    if printed := carbon_pipeline(monkeypatch, capsys, "report"):
        assert "reports.duckdb is damaged" in printed
        assert "`carbon-pipeline load`" in printed
    assert carbon_pipeline(monkeypatch, capsys, "load") == ""  # nothing is new
    assert Warehouse(data_dir).count() == RUNS


@pytest.mark.parametrize("content", [None, b"", b"no database", bytes(20_000)])
def test_missing_or_foreign_reports_are_replaced_by_a_load_of_nothing_new(
    data_dir: Path, loaded: Path, content: bytes | None
) -> None:
    shutil.copytree(loaded, data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.reports_path.unlink()
    if content is not None:
        warehouse.reports_path.write_bytes(content)
    assert warehouse.load() == []
    assert warehouse.count() == RUNS


MESSAGES = [
    (duckdb.IOException("IO Error: Could not read block on file x: Corrupt database file"), WarehouseDamagedError),
    (duckdb.FatalException("FATAL Error: database has been invalidated"), WarehouseDamagedError),
    (duckdb.InternalException("INTERNAL Error: Attempted to access index 5"), WarehouseDamagedError),
    (duckdb.SerializationException("Serialization Error: Failed to deserialize"), WarehouseDamagedError),
    (duckdb.InvalidInputException("Invalid Input Error: corrupt block"), WarehouseDamagedError),
    (duckdb.IOException("IO Error: No space left on device"), WarehouseFileError),
    (duckdb.FatalException("FATAL Error: Checkpoint: Could not write: No space left on device"), WarehouseFileError),
    (duckdb.IOException("IO Error: Trying to read a database file with version number 99"), WarehouseFileError),
    (duckdb.BinderException("Binder Error: no such column"), duckdb.BinderException),
]


@pytest.mark.parametrize(("error", "expected"), MESSAGES, ids=[str(error)[:40] for error, _ in MESSAGES])
def test_damage_is_told_from_a_full_disk_and_from_a_bug(
    tmp_path: Path, error: Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as raised, connection.open_for_writing(tmp_path / "warehouse.duckdb"):
        raise error
    assert type(raised.value) is expected


def test_only_a_lock_is_taken_for_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Attaching:
        def __init__(self, message: str):
            self.message = message

        def execute(self, statement: str) -> None:
            raise duckdb.IOException(self.message)

    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(WarehouseBusyError):
        connection._attach(Attaching('IO Error: Could not set lock on file "x"'), path, "warehouse", "")  # type: ignore[arg-type]
    with pytest.raises(duckdb.IOException):
        connection._attach(Attaching("IO Error: Corrupt block on file x"), path, "warehouse", "")  # type: ignore[arg-type]
