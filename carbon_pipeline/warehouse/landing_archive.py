"""The landed records of past days, put together: one Parquet file for each day in place of a file for each record.

A record is deleted only when it is in the warehouse and its text has been read back from the Parquet file on the disk.
"""

import glob
import hashlib
import json
from collections import defaultdict
from collections.abc import Container, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from carbon_pipeline.common.files import printable_path, remove_stale_parts, replacing, sync
from carbon_pipeline.errors import UserError
from carbon_pipeline.tracking.landing import ARCHIVE, FOLDER, landed_files
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import WarehouseFileError, literally, open_in_memory

CHUNK_FILES = 2000
RESTORE = "put back a copy of it, or move it away to go on without them"


class Compacted(NamedTuple):
    """What was put together: how many records, into which files."""

    records: int
    archives: list[Path]


class LostError(UserError):
    """What was written is not what was to be written; nothing has been deleted."""


def compact(data_dir: Path, loaded: Container[str], memory_limit: str | None = None) -> Compacted:
    """Put the loaded records of past days (UTC) into Parquet files. The warehouse has to be locked.

    Raises:
        LostError: a file reads back as something else than was written.
        OSError: the folder cannot be written.
    """
    remove_stale_parts(data_dir / FOLDER)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    days: dict[str, list[Path]] = defaultdict(list)
    for path in landed_files(data_dir):
        if path.parent.name < today and printable_path(path.relative_to(data_dir)) in loaded:
            days[path.parent.name].append(path)
    written = [_compact_day(data_dir, day, paths, memory_limit) for day, paths in sorted(days.items())]
    return Compacted(sum(map(len, days.values())), [archive for archive in written if archive])


class DamagedArchiveError(UserError):
    """A Parquet file of landed records cannot be read; the message names it."""


def archives(data_dir: Path) -> list[Path]:
    """The Parquet files, oldest day first; other files of that kind are not ours."""
    found = (data_dir / FOLDER).glob("[0-9]*.parquet")
    return sorted(path for path in found if ARCHIVE.fullmatch(path.name) and path.is_file())


def read_archive(archive: Path, data_dir: Path, memory_limit: str | None = None) -> Iterator[tuple[str, str, str]]:
    """The records in one Parquet file.

    Yields:
        Name in the warehouse, SHA-256 and text of each.

    Raises:
        DamagedArchiveError: it is not what was written.
    """
    import duckdb

    parameters = {"path": literally(archive.resolve())}
    try:
        with open_in_memory(data_dir, memory_limit) as connection:
            cursor = connection.execute(sql.statement("queries", "read_archive"), parameters)
            while rows := cursor.fetchmany(CHUNK_FILES):
                if any(_sha256(text) != sha256 for _, sha256, text in rows):
                    raise DamagedArchiveError(f"{archive}: a record in it is not what was written; {RESTORE}")
                yield from rows
    except (duckdb.Error, WarehouseFileError, UnicodeDecodeError, AttributeError) as error:
        reason = " ".join(str(error).split("\n", 1)[0].split())
        raise DamagedArchiveError(f"{archive}: these landed records cannot be read ({reason}); {RESTORE}") from None


def _compact_day(data_dir: Path, day: str, paths: list[Path], memory_limit: str | None) -> Path | None:
    folder = data_dir / FOLDER
    contents = {printable_path(path.relative_to(data_dir)): path.read_bytes().decode() for path in paths}
    # A compaction that was killed may have written them and not deleted them.
    written = sorted(folder.glob(f"{glob.escape(day)}.*.parquet"))
    known = {(name, sha256) for archive in written for name, sha256, _ in read_archive(archive, data_dir, memory_limit)}
    new = {name: text for name, text in contents.items() if (name, _sha256(text)) not in known}
    archive = folder / f"{day}.{max(map(_number, written), default=0) + 1}.parquet" if new else None
    if archive:
        _write(archive, data_dir, new, memory_limit)
    for path in paths:
        path.unlink()
    if not any(paths[0].parent.iterdir()):
        paths[0].parent.rmdir()
    return archive


def _write(archive: Path, data_dir: Path, texts: dict[str, str], memory_limit: str | None) -> None:
    rows = [{"source_file": name, "sha256": _sha256(text), "content": text} for name, text in texts.items()]
    with replacing(archive) as beside:
        with open_in_memory(data_dir, memory_limit) as connection:
            connection.execute(sql.statement("queries", "make_archive"))
            for begin in range(0, len(rows), CHUNK_FILES):
                connection.execute(
                    sql.statement("queries", "fill_archive"), {"rows": json.dumps(rows[begin : begin + CHUNK_FILES])}
                )
            connection.execute(sql.statement("queries", "write_archive"), {"path": str(beside.resolve())})
        sync(beside)
        found = {name: text for name, _, text in read_archive(beside, data_dir, memory_limit)}
        if found != texts:
            raise LostError(f"{archive} does not read back as written: check the disk; the records stay where they are")


def _number(archive: Path) -> int:
    """The number in the name of an archive."""
    number = archive.name.split(".")[-2]
    return int(number) if number.isdigit() else 0


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
