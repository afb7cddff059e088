"""The one place that opens DuckDB.

DuckDB 2.0.0 reads a file's header before it takes the file's lock, so that a bare `duckdb.connect(path)` can overwrite
what another process has just committed. Here the file is attached with its type (which locks first), and a lock file
of our own is held from before that until after the file is closed. Nothing else in the project connects to DuckDB.
"""

import glob
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.errors import WRONG_INPUT, InputError, UserError
from carbon_pipeline.warehouse.holder import describe_holder, forget_holder, note_holder
from carbon_pipeline.warehouse.ingest.files import INBOX
from carbon_pipeline.warehouse.spill import spill_folder, sweep_spill

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOCKED = ("Could not set lock on file", "Conflicting lock is held")
"""What DuckDB says where another program has the file open. (`lock` alone is in `block`, as in messages of damage.)"""

_ENVIRONMENT = re.compile(
    "no space left|quota|permission denied|read-only|input/output error|could not write|cannot open file|"
    "could not truncate|too many open files|version number",
    re.IGNORECASE,
)
"""What DuckDB says where the file is as it should be, but the disk, its permissions or DuckDB's version are not."""

_DAMAGE = re.compile(
    "corrupt|checksum|not a valid duckdb|could not read enough bytes|replaying wal|invalidated|deserializ",
    re.IGNORECASE,
)
"""What DuckDB says of a file whose content is not what was written."""

STORAGE_VERSION = "v1.5.0"
"""Files are written so that DuckDB 1.5 and 2.0 both read them; 2.0's own format is closed to 1.5."""


class WarehouseBusyError(UserError):
    """Another process holds the database."""


class WarehouseMissingError(UserError):
    """There is no database to read yet."""

    exit_status = WRONG_INPUT


class WarehousePathError(InputError):
    """DuckDB cannot open a file of this name."""


class MemoryLimitError(InputError):
    """DuckDB cannot work with this limit of its memory."""


class WarehouseFileError(UserError):
    """A file of the warehouse cannot be read or written."""


class WarehouseDamagedError(WarehouseFileError):
    """The content of a database is not what was written."""


@contextmanager
def locked(path: Path, timeout_s: float = 120.0) -> Iterator[None]:
    """Hold a file, such as the warehouse, against all other processes. Whoever holds it may take it again.

    All who wait look every 50 ms whether it is free, so that nobody is preferred.

    Raises:
        WarehouseBusyError: another process still holds it after `timeout_s`.
    """
    from filelock import FileLock, Timeout

    held = path.resolve()  # a link and the file that it leads to have one lock
    try:
        held.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise WarehousePathError(f"{held.parent} is not a folder; choose another CARBON_DATA_DIR") from None
    lock = FileLock(held.with_name(f"{held.name}.lock"), is_singleton=True)
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout:
        raise WarehouseBusyError(
            f"{path} is being written by {describe_holder(held)}; it was not free for {timeout_s:g} s; "
            "try again when it has ended"
        ) from None
    is_outermost = lock.lock_counter == 1
    try:
        if is_outermost:
            note_holder(held)
            for leftover in held.parent.glob(f".{glob.escape(held.name)}.rebuilt*"):  # of a rebuild that was killed
                leftover.unlink(missing_ok=True)
        yield
    finally:
        if is_outermost:
            forget_holder(held)
        lock.release()


@contextmanager
def open_for_writing(
    path: Path, timeout_s: float = 120.0, memory_limit: str | None = None, data_dir: Path | None = None
) -> Iterator["DuckDBPyConnection"]:
    """Open the warehouse as its only writer; create it if it does not exist.

    Args:
        path: the database file.
        timeout_s: how long to wait for another writer, seconds.
        memory_limit: memory that DuckDB may use, such as 4GB; None for DuckDB's own default.
        data_dir: the data folder; None for the one that `path` is in.

    Yields:
        A connection that can reach this database, what is in the inbox, and nothing else on the disk.

    Raises:
        WarehouseBusyError: another process holds it.
        WarehousePathError: DuckDB cannot open a file of this name.
        WarehouseDamagedError: the content of the file is not what was written.
    """
    inbox = ((data_dir or path.parent) / INBOX).resolve()
    path = path.resolve()
    with locked(path, timeout_s), _memory(path.parent, memory_limit, path) as connection:
        sweep_spill(path.parent)
        _attach(connection, path, "warehouse", f"STORAGE_VERSION '{STORAGE_VERSION}'")
        # The statements of a load name the large table first. DuckDB's guesses, without statistics of temporary tables,
        # hash the million rows and look up the ten: four times slower, and gigabytes of memory.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        _close_doors(connection, "warehouse", inbox)
        yield connection


@contextmanager
def open_for_reading(
    path: Path, memory_limit: str | None = None, exports: Path | None = None
) -> Iterator["DuckDBPyConnection"]:
    """Open a database that nobody is writing: the published copy, or the warehouse while it is `locked`.

    Args:
        path: the database file.
        memory_limit: memory that DuckDB may use, such as 4GB; None for DuckDB's own default.
        exports: a folder into which files may be written; None for none.

    Yields:
        A connection that can read this database and nothing else on the disk.

    Raises:
        WarehouseMissingError: there is no such file.
        WarehouseBusyError: another program has it open for writing, such as a person's shell.
        WarehouseDamagedError: the content of the file is not what was written.
    """
    path = path.resolve()
    if not path.exists():
        raise WarehouseMissingError(f"{path} does not exist yet: run the pipeline or `carbon-pipeline load` first")
    with _memory(path.parent, memory_limit, path) as connection:
        _attach(connection, path, "warehouse", "READ_ONLY")
        _close_doors(connection, "warehouse", exports.resolve() if exports else None)
        yield connection


@contextmanager
def open_in_memory(folder: Path, memory_limit: str | None = None) -> Iterator["DuckDBPyConnection"]:
    """Open no database: for reading and writing Parquet files.

    Yields:
        A connection that can reach the files in this folder and nothing else on the disk.
    """
    folder = folder.resolve()
    with _memory(folder, memory_limit) as connection:
        _close_doors(connection, "memory", folder)
        yield connection


@contextmanager
def open_both(path: Path, other: Path, memory_limit: str | None = None) -> Iterator["DuckDBPyConnection"]:
    """Open two databases to read, as `warehouse` and `other`, while they are `locked`.

    Yields:
        A connection that can read the two and nothing else on the disk.
    """
    path = path.resolve()
    with _memory(path.parent, memory_limit, path) as connection:
        _attach(connection, other.resolve(), "other", "READ_ONLY")
        _attach(connection, path, "warehouse", "READ_ONLY")
        _close_doors(connection, "warehouse")
        yield connection


@contextmanager
def _memory(folder: Path, memory_limit: str | None, path: Path | None = None) -> Iterator["DuckDBPyConnection"]:
    """Open DuckDB without a file; `path` is the one that will be attached."""
    import duckdb

    _require_name(folder)
    if path and path.exists() and not path.is_file():
        raise WarehousePathError(f"{path} is not a file: move it away")
    connection = duckdb.connect()  # noqa: TID251 - in memory: a file is only ever attached
    spill = spill_folder(folder)
    try:
        if memory_limit:
            _limit_memory(connection, memory_limit)
        connection.execute(f"SET temp_directory = {_quoted(spill)}")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.OutOfMemoryException as error:
        raise MemoryLimitError(
            f"DuckDB needs more memory than CARBON_MEMORY_LIMIT={memory_limit}: {_first_line(error)}"
        ) from error
    except duckdb.Error as error:
        if path and _is_damage(error):
            raise WarehouseDamagedError(f"{path} is damaged: {_first_line(error)}; {remedy(path)}") from error
        if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.SerializationException):
            raise WarehouseFileError(
                f"{path or folder}: DuckDB cannot read or write: {_first_line(error)}. Is the disk full?"
            ) from error
        raise
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)  # DuckDB removes its files, not always the folder


def _require_name(folder: Path) -> None:
    if "?" in str(folder):
        raise WarehousePathError(
            f"{folder}: DuckDB cannot open a path with a question mark; choose another CARBON_DATA_DIR"
        )
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise WarehousePathError(
            f"{printable_path(folder)}: DuckDB cannot open a path that is not UTF-8; choose another CARBON_DATA_DIR"
        ) from None


def _is_damage(error: Exception) -> bool:
    """Whether an error of DuckDB means that the file is damaged, rather than the disk full or a statement wrong."""
    import duckdb

    if _ENVIRONMENT.search(str(error)):
        return False
    # DuckDB raises these three only where what it has read cannot be true.
    impossible = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
    return isinstance(error, impossible) or bool(_DAMAGE.search(str(error)))


def remedy(path: Path) -> str:
    """What to do about a damaged file."""
    if path.name == "reports.duckdb":
        return "`carbon-pipeline load` replaces it"
    return "`carbon-pipeline rebuild --replace` rebuilds it from the stored source files"


def _limit_memory(connection: "DuckDBPyConnection", memory_limit: str) -> None:
    import duckdb

    try:
        connection.execute(f"SET memory_limit = {_quoted(memory_limit)}")
    except (duckdb.ParserException, duckdb.OutOfMemoryException) as error:
        raise MemoryLimitError(f"CARBON_MEMORY_LIMIT={memory_limit} is not usable: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".!")


def _attach(connection: "DuckDBPyConnection", path: Path, name: str, option: str) -> None:
    import duckdb

    try:
        connection.execute(f"ATTACH {_quoted(path)} AS {name} (TYPE duckdb, {option})")
    except duckdb.IOException as error:
        if not any(phrase in str(error) for phrase in _LOCKED):
            raise
        raise WarehouseBusyError(f"{path} is open in another program: {_first_line(error)}") from None


def _quoted(value: object) -> str:
    """A value as a string of SQL: SET takes no parameters, and ATTACH none before DuckDB 2.0."""
    return "'" + str(value).replace("'", "''") + "'"


def _close_doors(connection: "DuckDBPyConnection", name: str, folder: Path | None = None) -> None:
    """No statement reads or writes a file outside of the folder from here on, and none can change that."""
    connection.execute(f"USE {name}")
    if folder:
        # Twice, since a file whose path holds `[` or `*` is named in a way in which these are no pattern.
        folders = ", ".join(map(_quoted, (folder, literally(folder))))
        connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def wal(path: Path) -> Path:
    """Where DuckDB writes what it has not put into a database yet.

    Returns:
        The file; it is there only while the database is open, or after a process was killed.
    """
    return path.with_name(f"{path.name}.wal")


def literally(path: Path) -> str:
    """A path as DuckDB's table functions take it, which would read `[`, `*` and `?` as a pattern."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))
