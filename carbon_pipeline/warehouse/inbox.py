"""What comes in from outside: files that people name or drop into `inbox/`, and a copy of all that was ever loaded.

What a load takes in is kept in `inbox/kept/`: one ZIP archive for each load (small files, and `files.json`, which says
where each came from), and large files beside it as they are. The warehouse can be made again from there. Copies bear
hidden names until the load is committed. What the files mean is settled elsewhere.
"""

import hashlib
import json
import os
import re
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from carbon_pipeline.common.files import printable_path, sync, sync_folder
from carbon_pipeline.errors import UserError

FOLDER = "inbox"
KEPT = "kept"

LARGE_BYTES = 16 * 2**20
"""From this size on, DuckDB reads a file itself if nothing is odd about it."""

SETTLED_S = 10.0
"""A file in the inbox is left alone for so long after its last change: somebody may be writing it."""

CHUNK_BYTES = 4 * 2**20
OVERLAP_BYTES = 64

# Begins with a letter to look for, which is fast; that of x86_64 is in nearly every row.
_UNDERSCORE = re.compile(rb"_(?<=\d_)(?<!x86_)(?=\d)")
_NUMBER = re.compile(rb"[\s\"]*[-+]?[\d_.]+(?:[eE][-+]?[\d_]+)?[\s\"]*")


class KeptError(UserError):
    """A copy of what was loaded is damaged or gone; the message names it."""


@dataclass(frozen=True)
class Inside:
    """What lies below a folder.

    Attributes:
        files: regular files, in order.
        passed_over: entries that are hidden, and links that lead to no file.
        closed: folders that cannot be read, with the reason.
    """

    files: list[Path] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def walk(folder: Path, data_dir: Path | None = None) -> Inside:
    """All files below a folder but the copies of what was loaded, in the data folder; no links to folders."""
    found = Inside()
    copies = (data_dir / FOLDER / KEPT).resolve() if data_dir else None

    def is_closed(error: OSError) -> None:
        found.closed.append(f"{printable_path(Path(str(error.filename)))}: cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=is_closed):
        if Path(parent).resolve() == copies:
            folders.clear()
            continue
        entries = [Path(parent, name) for name in sorted([*folders, *names])]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in entries:
            if path.name.startswith(".") or (path.is_symlink() and not path.is_file()):
                found.passed_over.append(path)
            elif path.is_file():
                found.files.append(path)
    return found


def fingerprint(path: Path) -> str:
    """Size and times of change of a file and of its permissions, by which a change is seen without reading it.

    Raises:
        OSError: it is gone.
    """
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


class Dropped(NamedTuple):
    """Files in the inbox: those that nobody has changed for a while, and those that somebody may still be writing."""

    settled: list[Path]
    fresh: list[Path]


def dropped_files(data_dir: Path) -> Dropped:
    """What lies in the inbox.

    Returns:
        The files, in order. A clock that is ahead of ours makes a file no younger.
    """
    found = Dropped([], [])
    for path in walk(data_dir / FOLDER, data_dir).files:
        with suppress(FileNotFoundError):  # taken away again
            is_settled = abs(time.time() - path.stat().st_mtime) >= SETTLED_S
            (found.settled if is_settled else found.fresh).append(path)
    return found


@dataclass(frozen=True)
class LargeFile:
    """The copy of a large file.

    Attributes:
        path: where it lies.
        sha256: hash of its content.
        lines: ends of lines in it.
        is_clean: whether it is whole lines of text, without tabs, blanks before quotes, and numbers like 1_000.
    """

    path: Path
    sha256: str
    lines: int
    is_clean: bool


@dataclass(frozen=True)
class KeptName:
    """One file in `files.json`.

    Attributes:
        source_file: its name in the warehouse.
        sha256: hash of its content.
        entry: the name of its content in the archive or, for a large file, beside it; None where it had been loaded
            before under another name.
        fingerprint: see `raw.loaded_file`.
    """

    source_file: str
    sha256: str
    entry: str | None
    fingerprint: str | None = None


class Keeper:
    """Keeps what one load takes in.

    Example:
        >>> keeper = Keeper(Path("data"))
        >>> keeper.add("emissions.csv", hashlib.sha256(b"...").hexdigest(), b"...")
        >>> keeper.seal()  # before the commit
        >>> recover(keeper.folder, [f"{keeper.name}.zip"])  # after it
        >>> [path.name == f"{keeper.name}.zip" for path in kept_archives(Path("data"))]
        [True]
    """

    def __init__(self, data_dir: Path):
        """Writes nothing yet."""
        self.folder = data_dir / FOLDER / KEPT
        self.name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}"
        self._names: list[KeptName] = []
        self._copies = 0
        self._archive: zipfile.ZipFile | None = None

    def add(self, source_file: str, sha256: str, content: bytes, fingerprint: str | None = None) -> None:
        """Keeps the content of a file.

        Raises:
            OSError: the folder cannot be written.
        """
        entry = f"{len(self._names):06}.csv"
        self._open().writestr(entry, content, zipfile.ZIP_DEFLATED, 1)
        self._names.append(KeptName(source_file, sha256, entry, fingerprint))

    def add_name(self, source_file: str, sha256: str, fingerprint: str | None = None) -> None:
        """Keeps the name of a file whose content is kept already."""
        self._open()
        self._names.append(KeptName(source_file, sha256, None, fingerprint))

    def copy(self, path: Path) -> LargeFile:
        """Copies a large file and looks at what is in it on the way.

        Returns:
            The copy; it is kept if `keep` is called.

        Raises:
            OSError: it cannot be read, or the folder not be written.
        """
        self._open()
        self._copies += 1
        return examine(path, self.folder / f".{self.name}-{self._copies}.csv")

    def keep(self, source_file: str, large: LargeFile, fingerprint: str | None = None) -> None:
        """Keeps the copy of a large file."""
        self._names.append(KeptName(source_file, large.sha256, large.path.name.removeprefix("."), fingerprint))

    def seal(self) -> None:
        """Writes all to disk, under hidden names still. To be called before the load is committed.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._archive:
            self._archive.writestr("files.json", json.dumps([asdict(name) for name in self._names], indent=1))
            self._archive.close()
            sync(self._hidden)
            sync_folder(self.folder)

    def close(self) -> None:
        """Writes no more. Whether the copies get their names or go is for `recover` to say."""
        if self._archive:
            self._archive.close()

    @property
    def _hidden(self) -> Path:
        return self.folder / f".{self.name}.zip"

    def _open(self) -> zipfile.ZipFile:
        if self._archive is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._archive = zipfile.ZipFile(self._hidden, "w")
        return self._archive


def recover(folder: Path, committed: Iterable[str], own: str | None = None) -> None:
    """Ends what a load has begun with its copies: those of a committed load get their names, others go.

    Where the ledger knows of no load at all, the warehouse may have been deleted after a load that was killed between
    its commit and this: complete copies of another load than `own` are taken for those of a committed one then.

    Args:
        folder: the folder of the copies; nobody else may be writing there.
        committed: names of the archives of loads that were committed.
        own: name of the archive of this load.
    """
    stems = {name.removesuffix(".zip") for name in committed}
    hidden = sorted(folder.glob(".*"))
    if not stems:
        stems = {_stem(path) for path in hidden if path.suffix == ".zip" and _is_sealed(path)} - {own}
    for path in sorted(hidden, key=lambda path: path.suffix == ".zip"):  # the archive last: it says that all is there
        if _stem(path) in stems:
            path.rename(path.with_name(path.name.removeprefix(".")))
        else:
            path.unlink()
    if hidden:
        sync_folder(folder)


def _stem(path: Path) -> str:
    """The name of the load that a hidden copy belongs to."""
    stem = path.stem.removeprefix(".")
    return re.sub(r"-\d+$", "", stem) if path.suffix == ".csv" else stem


def _is_sealed(archive: Path) -> bool:
    try:
        with zipfile.ZipFile(archive) as opened:
            return "files.json" in opened.namelist()
    except zipfile.BadZipFile:
        return False


def kept_archives(data_dir: Path) -> list[Path]:
    """The archives of all loads, oldest first."""
    return sorted((data_dir / FOLDER / KEPT).glob("[!.]*.zip"))


def kept_files(archive: Path) -> Iterator[tuple[KeptName, bytes | Path | None]]:
    """What one load has taken in.

    Yields:
        Each file with its content, or where a large one lies; None where it had been loaded before.

    Raises:
        KeptError: it is damaged, or a large file is gone.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for values in json.loads(opened.read("files.json")):
                name = KeptName(**values)
                if name.entry is None:
                    yield name, None
                elif name.entry.startswith(archive.stem):
                    yield name, _large_copy(archive, name)
                else:
                    yield name, opened.read(name.entry)
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError) as error:
        raise KeptError(f"{archive}: the copies of what was loaded are damaged: {error}; put them back") from None


def _large_copy(archive: Path, name: KeptName) -> Path:
    path = archive.with_name(str(name.entry))
    if not path.exists():
        raise KeptError(f"{path}: this copy of {name.source_file} is gone; put it back")
    return path


def examine(path: Path, copy: Path | None = None) -> LargeFile:
    """Reads a large file once, from end to end.

    Args:
        path: the file.
        copy: where a copy of it is to lie; None if it is such a copy itself.

    Raises:
        OSError: it cannot be read, or the copy not be written.
    """
    digest, lines, is_clean, ends_in_a_line = hashlib.sha256(), 0, True, False
    with ExitStack() as stack:
        source = stack.enter_context(path.open("rb", buffering=0))
        target = stack.enter_context(copy.open("wb")) if copy else None
        beside = stack.enter_context(ThreadPoolExecutor(1))

        def take(chunk: memoryview) -> None:
            digest.update(chunk)
            if target:
                target.write(chunk)

        # The end of each chunk stays in front of the next one, since a cell may lie across.
        buffer, other = (bytearray(b"\n" * OVERLAP_BYTES + bytes(CHUNK_BYTES)) for _ in range(2))
        taken: Future[None] | None = None
        while filled := source.readinto(memoryview(buffer)[OVERLAP_BYTES:]):
            end = OVERLAP_BYTES + filled
            if taken:
                taken.result()
            taken = beside.submit(take, memoryview(buffer)[OVERLAP_BYTES:end])
            lines += buffer.count(b"\n", OVERLAP_BYTES, end)
            is_clean = is_clean and not _has_odd_bytes(buffer, end) and not _has_odd_number(buffer, end)
            ends_in_a_line = buffer[end - 1] == ord("\n")
            other[:OVERLAP_BYTES] = buffer[end - OVERLAP_BYTES : end]
            buffer, other = other, buffer
        if taken:
            taken.result()
        if target:
            target.flush()
            os.fsync(target.fileno())
    return LargeFile(copy or path, digest.hexdigest(), lines, is_clean and ends_in_a_line)


def _has_odd_bytes(buffer: bytearray, end: int) -> bool:
    begin = OVERLAP_BYTES - 1
    if any(buffer.find(odd, begin, end) >= 0 for odd in (b"\0", b"\r", b"\t")):
        return True
    # Blanks are everywhere and quotes are rare: whether there are any is found much faster.
    return buffer.find(b'"', begin, end) >= 0 and buffer.find(b' "', begin, end) >= 0


def _has_odd_number(buffer: bytearray, end: int) -> bool:
    """Whether a cell holds a number like 1_000."""
    for match in _UNDERSCORE.finditer(buffer, 0, end):
        at = match.start()
        begins = max(buffer.rfind(b",", 0, at), buffer.rfind(b"\n", 0, at)) + 1
        ends = min((found for mark in (b",", b"\n") if (found := buffer.find(mark, at, end)) >= 0), default=end)
        if _NUMBER.fullmatch(buffer, begins, ends):
            return True
    return False
