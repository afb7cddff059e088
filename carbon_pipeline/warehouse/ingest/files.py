"""Finding files: those that people name, and those that they place in the inbox. What they contain: sources.py."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.warehouse.ingest.layout import NotCodeCarbonError
from carbon_pipeline.warehouse.ingest.reader import CsvReader

INBOX = "inbox"
KEPT = "kept"
"""Folder in the inbox with a copy of all that was ever imported."""

SETTLED_S = 10.0
"""A file in the inbox is left alone for so long after its last change: somebody may be writing it."""


@dataclass
class FoundFiles:
    """Files to import.

    Attributes:
        files: the files, in order.
        rejected: a sentence for each named file that cannot be imported.
        skipped: a sentence for each file in a folder that by its name may be one of CodeCarbon's, and is none.
        others: how many other files are in those folders, hidden ones and dangling links among them.
    """

    files: list[Path] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    others: int = 0


@dataclass(frozen=True)
class Inside:
    """What is below a folder.

    Attributes:
        files: regular files, in order.
        passed_over: hidden entries, dangling links, and whatever is no regular file.
        closed: folders that cannot be read, with the reason.
    """

    files: list[Path] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


class Placed(NamedTuple):
    """Files in the inbox: those that nobody has changed for a while, and those that somebody may still be writing."""

    settled: list[Path]
    fresh: list[Path]


def find_files(paths: Iterable[Path], data_dir: Path | None = None) -> FoundFiles:
    """Find CodeCarbon's files by their content: those that are named, and all below folders that are not hidden.

    Args:
        paths: files and folders.
        data_dir: the data folder, whose own copies of what was imported are skipped.
    """
    found = FoundFiles()
    for path in paths:
        if os.path.isdir(path):
            inside = walk(path, data_dir)
            found.others += len(inside.passed_over)
            found.skipped += inside.closed
            for file in inside.files:
                _sort_in(file, found, is_named=False)
        else:
            _sort_in(path, found, is_named=True)
    found.files = list(dict.fromkeys(found.files))
    return found


def _sort_in(path: Path, found: FoundFiles, is_named: bool) -> None:
    try:
        require_codecarbon(path)
        found.files.append(path)
    except NotCodeCarbonError as error:
        if is_named:
            found.rejected.append(str(error))
        elif any(word in path.name.lower() for word in (".csv", "emissions")):
            found.skipped.append(str(error))
        else:
            found.others += 1


def require_codecarbon(path: Path) -> None:
    """Look at the first line of a file.

    Raises:
        NotCodeCarbonError: it is not one of CodeCarbon's, or cannot be read; the message names it and the reason.
    """
    require_file(path)
    try:
        CsvReader(lambda: path.open("rb"))
    except OSError as error:
        raise _unreadable(path, error) from None
    except NotCodeCarbonError as error:
        raise NotCodeCarbonError(f"{printable_path(path)}: {error}") from None


def require_file(path: Path) -> None:
    """Look at what a path leads to, without opening it: a pipe would never end.

    Raises:
        NotCodeCarbonError: it is no regular file, or cannot be reached; the message names it.
    """
    try:
        if not path.is_file():
            what = "is no regular file" if path.exists() else "there is no such file or folder"
            raise NotCodeCarbonError(f"{printable_path(path)}: {what}")
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> NotCodeCarbonError:
    return NotCodeCarbonError(f"{printable_path(path)}: cannot be read: {error.strerror}")


def walk(folder: Path, data_dir: Path | None = None) -> Inside:
    """List all files below a folder; not the data folder's copies of what was imported, and no linked folders."""
    found = Inside()
    copies = (data_dir / INBOX / KEPT).resolve() if data_dir else None

    def is_closed(error: OSError) -> None:
        found.closed.append(f"{printable_path(Path(str(error.filename)))}: cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=is_closed):
        if Path(parent).resolve() == copies:
            folders.clear()
            continue
        entries = [Path(parent, name) for name in sorted([*folders, *names])]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in entries:
            if path.name.startswith("."):
                found.passed_over.append(path)
            elif path.is_file():
                found.files.append(path)
            elif path.is_symlink() or not path.is_dir():
                found.passed_over.append(path)
    return found


def fingerprint(path: Path) -> str:
    """Size and times of change of a file and of its permissions, by which a change is detected without reading it.

    Raises:
        OSError: it is missing.
    """
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def placed_files(data_dir: Path) -> Placed:
    """List the files in the inbox, in order. A clock that is ahead of ours makes a file no younger."""
    found = Placed([], [])
    for path in walk(data_dir / INBOX, data_dir).files:
        with suppress(FileNotFoundError):  # taken away again
            is_settled = abs(time.time() - path.stat().st_mtime) >= SETTLED_S
            (found.settled if is_settled else found.fresh).append(path)
    return found
