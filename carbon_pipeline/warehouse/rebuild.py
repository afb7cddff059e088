"""Rebuilding the warehouse from the stored source files, and verifying that it is the same. Loading: ingest/load.py."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carbon_pipeline.errors import UserError
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import WarehouseFileError, locked, open_both, open_for_writing, wal
from carbon_pipeline.warehouse.ingest.files import INBOX, KEPT
from carbon_pipeline.warehouse.ingest.load import load_files
from carbon_pipeline.warehouse.ingest.source_archive import kept_archives, recover
from carbon_pipeline.warehouse.progress import Progress
from carbon_pipeline.warehouse.schema import SchemaError
from carbon_pipeline.warehouse.warehouse import Warehouse, prepare_warehouse

if TYPE_CHECKING:
    from pathlib import Path


class WarehouseUnreadableError(UserError):
    """The old warehouse cannot be read."""


@dataclass(frozen=True)
class Rebuilt:
    """The outcome of a rebuild.

    Attributes:
        files: files that were loaded.
        runs: runs that it holds.
        is_first: whether there was no warehouse to compare it with.
        differences: a sentence for each table in which the two differ.
    """

    files: int
    runs: int
    is_first: bool
    differences: list[str] = field(default_factory=list)


def rebuild(warehouse: Warehouse, replace: bool = False, progress: Progress | None = None) -> Rebuilt:
    """Rebuild the warehouse beside the old one, compare the two, and take the new one if they are the same.

    Not compared: when something was loaded, and which of several files that say the same of a run was loaded first.

    Raises:
        WarehouseBusyError: another process holds the warehouse.
        KeptError: a copy of what was loaded is damaged or missing.
        WarehouseUnreadableError: the old warehouse cannot be read, and `replace` is not given.
    """
    path = warehouse.path.resolve()  # where it is a link, what it leads to is replaced
    beside = path.with_name(f".{path.name}.rebuilt")
    with locked(path, warehouse.timeout_s):
        _remove(beside)
        try:
            is_first = not path.exists()
            unreadable, kept = ([], []) if is_first else _prepare(warehouse, replace)
            folder = warehouse.data_dir / INBOX / KEPT
            recover(folder, kept)
            with open_for_writing(
                beside, memory_limit=warehouse.memory_limit, data_dir=warehouse.data_dir
            ) as connection:
                prepare_warehouse(connection)
                loaded = load_files(connection, warehouse.everything(), folder, "rebuild", progress)
                (runs,) = connection.execute(sql.statement("queries", "count_runs")).fetchone() or (0,)
            lost = [f"{result.source_file}: {result.note}" for result in loaded.known.values() if result.is_rejected]
            there = {archive.name for archive in kept_archives(warehouse.data_dir)}
            lost += [
                f"{folder / name}: this copy of what was imported is missing; put it back"
                for name in kept
                if name not in there
            ]
            differences = unreadable or (
                [] if is_first else [*lost, *_differences(path, beside, warehouse.memory_limit, replace)]
            )
            if replace or not differences:
                wal(path).unlink(missing_ok=True)
                beside.replace(path)
                warehouse.publish()
        finally:
            _remove(beside)
    return Rebuilt(len(loaded.new) + len(loaded.known), runs, is_first, differences)


def _prepare(warehouse: Warehouse, replace: bool) -> tuple[list[str], list[str]]:
    """Open the old warehouse, to be compared with.

    Returns:
        Why it cannot be compared, if it cannot; and the archives that its ledger knows.
    """
    import duckdb

    try:
        with open_for_writing(warehouse.path, memory_limit=warehouse.memory_limit) as connection:
            prepare_warehouse(connection)
            rows = connection.execute(sql.statement("queries", "kept_archives")).fetchall()
            return [], [name for (name,) in rows]
    except SchemaError as error:
        if not replace:
            raise
        return [str(error)], []
    except (duckdb.Error, WarehouseFileError) as error:
        return [_unreadable(warehouse.path, error, replace)], []


def _unreadable(path: "Path", error: Exception, replace: bool) -> str:
    """Describe in a sentence why the old warehouse cannot be compared.

    Raises:
        WarehouseUnreadableError: that does not matter only if it is to be replaced.
    """
    if not replace:
        raise WarehouseUnreadableError(
            f"{path} cannot be read, and so not be compared with a rebuilt one ({_reason(error)}): "
            "`carbon-pipeline rebuild --replace` rebuilds it from the stored source files all the same"
        ) from None
    return f"the old one cannot be read: {_reason(error)}"


def _reason(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split("\n", 1)[0].split())


def _differences(old: "Path", new: "Path", memory_limit: str, replace: bool) -> list[str]:
    found = []
    try:
        with open_both(old, new, memory_limit) as connection:
            for name in sql.names("compare"):
                only_old, only_new = connection.execute(sql.statement("compare", name)).fetchall()[0]
                if only_old or only_new:
                    table = name.replace("_", ".", 1)
                    found.append(f"{table}: {only_old} rows are in the old one only, {only_new} in the new one only")
    except WarehouseFileError as error:  # damage in a block that only the comparison reads
        found.append(_unreadable(old, error, replace))
    return found


def _remove(path: "Path") -> None:
    for file in (path, wal(path), path.with_name(f"{path.name}.lock")):
        file.unlink(missing_ok=True)
