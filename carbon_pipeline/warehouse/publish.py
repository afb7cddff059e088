"""Publishing: a copy of the warehouse is swapped in whole for its readers. Nothing is computed here.

The copy that readers have left stays as a hidden file and is brought up to date instead of being made anew: DuckDB's
files consist of blocks that begin with a checksum of themselves, so that only blocks with another checksum have to be
copied. Where that is not possible, or not safe, all of the warehouse is copied.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from carbon_pipeline.common.files import sync, sync_folder
from carbon_pipeline.warehouse.connection import locked, open_for_writing, wal

HEADER_BYTES = 3 * 4096
BLOCK_BYTES = 256 * 1024
CHECKSUM_BYTES = 8
MAGIC_BYTES = slice(8, 12)
"""Layout of DuckDB's files: three headers, then blocks, each with its checksum in front (duckdb, `storage_info.hpp`,
`single_file_block_manager.cpp`)."""


def publish(path: Path, target: Path, timeout_s: float = 120.0, memory_limit: str | None = None) -> None:
    """Copies the warehouse and swaps the copy in whole, so that whoever is reading the old one is not disturbed.

    Args:
        path: the warehouse; nobody may have it open.
        target: the copy for readers.
        memory_limit: memory that DuckDB may use, such as 4GB.
        timeout_s: how long to wait for a writer.

    Raises:
        WarehouseBusyError: another process holds the warehouse.
    """
    path, target = path.resolve(), target.resolve()
    spare = target.with_name(f".{target.name}.spare")
    beside = target.with_name(f".{target.name}.next")
    with locked(path, timeout_s):
        if wal(path).exists():  # a load was killed right after its commit
            with open_for_writing(path, memory_limit=memory_limit) as connection:
                connection.execute("CHECKPOINT")
        # Left behind by a process that was killed; the lock says that none is at it.
        beside.unlink(missing_ok=True)
        if not (spare.exists() and _update(path, spare.replace(beside))):
            beside.unlink(missing_ok=True)
            shutil.copyfile(path, beside)
            sync(beside)
        with suppress(OSError):  # no copy yet, or a file system without links: all is copied the next time
            os.link(target, spare)
        # A person's shell that has written into the copy leaves a log of that, which does not fit the new one.
        wal(target).unlink(missing_ok=True)
        beside.replace(target)
        wal(target).unlink(missing_ok=True)
        sync_folder(target.parent)


def _update(path: Path, copy_path: Path) -> bool:
    """Copies to an old copy what it lacks; False if a new one has to be made."""
    try:
        with path.open("rb", buffering=0) as source, copy_path.open("r+b", buffering=0) as copy:
            if not _is_ours_alone(copy.fileno()) or not _have_the_same_blocks(source.fileno(), copy.fileno()):
                return False
            size = os.fstat(source.fileno()).st_size
            for offset in range(HEADER_BYTES, size, BLOCK_BYTES):
                given, had = (os.pread(file.fileno(), CHECKSUM_BYTES, offset) for file in (source, copy))
                if given != had:
                    os.pwrite(copy.fileno(), os.pread(source.fileno(), BLOCK_BYTES, offset), offset)
            os.truncate(copy.fileno(), size)
            os.pwrite(copy.fileno(), os.pread(source.fileno(), HEADER_BYTES, 0), 0)
            os.fsync(copy.fileno())
            return True
    except OSError:
        return False


def _is_ours_alone(file: int) -> bool:
    """Whether no other process has the file open. Linux grants a write lease only then."""
    try:
        import fcntl

        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (ImportError, AttributeError, OSError):
        return False
    return True


def _have_the_same_blocks(source: int, copy: int) -> bool:
    """Whether both are DuckDB's files, of the same version, and with blocks of the size that is reckoned with."""
    given, had = os.pread(source, HEADER_BYTES, 0), os.pread(copy, HEADER_BYTES, 0)
    size = os.fstat(source).st_size
    return (
        given[MAGIC_BYTES] == had[MAGIC_BYTES] == b"DUCK"
        and given[12:20] == had[12:20]
        and (size - HEADER_BYTES) % BLOCK_BYTES == 0
    )
