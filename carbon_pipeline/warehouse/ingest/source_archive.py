"""A copy of all that was ever imported, from which the warehouse can be rebuilt.

A load keeps what it imports in `inbox/kept/`: one ZIP archive for each load (small files, and `files.json` with their
names), and large files beside it, unmodified. Copies have hidden names until the load is committed.
"""

import json
import re
import shutil
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from carbon_pipeline.common.files import sync, sync_folder
from carbon_pipeline.errors import UserError
from carbon_pipeline.warehouse.ingest.clean_rows import PREFIX
from carbon_pipeline.warehouse.ingest.files import INBOX, KEPT
from carbon_pipeline.warehouse.ingest.large_file import LargeFile, examine

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]+-[0-9a-f]{8}\.zip")


class KeptError(UserError):
    """A copy of what was loaded is damaged or missing; the message names it."""


@dataclass(frozen=True)
class KeptName:
    """One file in `files.json`.

    Attributes:
        source_file: its name in the warehouse.
        sha256: hash of its content.
        entry: the name of its content in the archive or, for a large file, beside it; None where it had been loaded
            before under another name.
        fingerprint: see `raw.loaded_file`.
        timezone: time zone of times without one; None for UTC.
    """

    source_file: str
    sha256: str
    entry: str | None = None
    fingerprint: str | None = None
    timezone: str | None = None


class SourceArchive:
    """Keeps what one load imports.

    Example:
        >>> archive = SourceArchive(Path("data"))
        >>> archive.keep(KeptName("emissions.csv", sha256="ab12"), b"...")
        >>> archive.seal()  # before the commit
        >>> recover(archive.folder, [f"{archive.name}.zip"])  # after it
        >>> [path.name == f"{archive.name}.zip" for path in kept_archives(Path("data"))]
        [True]
    """

    def __init__(self, data_dir: Path):
        """Write nothing yet."""
        self.folder = data_dir / INBOX / KEPT
        self.name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}"
        self._names: list[KeptName] = []
        self._copies = 0
        self._beside, self._syncs = ThreadPoolExecutor(1), list[Future[None]]()
        self._archive: zipfile.ZipFile | None = None

    def keep(self, name: KeptName, content: bytes | LargeFile | None) -> None:
        """Keep the content of a file, or its name only where the content is kept already.

        Raises:
            OSError: the folder cannot be written.
        """
        archive = self._open()
        if isinstance(content, bytes):
            name = replace(name, entry=f"{len(self._names):06}.csv")
            archive.writestr(str(name.entry), content, zipfile.ZIP_DEFLATED, 1)
        elif content is not None:
            name = replace(name, entry=content.path.name.removeprefix("."))
        self._names.append(name)

    def copy(self, path: Path) -> LargeFile:
        """Copy a large file and look at its content on the way.

        Returns:
            The copy; it is kept if `keep` is called with it.

        Raises:
            OSError: it cannot be read, or the folder cannot be written.
        """
        self._open()
        self._copies += 1
        copy = self.folder / f".{self.name}-{self._copies}.csv"
        shutil.copyfile(path, copy)
        self._syncs.append(self._beside.submit(sync, copy))  # takes as long as reading it
        return examine(copy)

    def seal(self) -> None:
        """Write all to disk, still under hidden names. To be called before the load is committed.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._archive:
            self._archive.writestr("files.json", json.dumps([asdict(name) for name in self._names], indent=1))
            self._archive.close()
            for done in self._syncs:
                done.result()
            sync(self._hidden)
            sync_folder(self.folder)

    def close(self) -> None:
        """Write no more. `recover` decides whether the copies stay."""
        if self._archive:
            with suppress(ValueError):  # Ctrl-C within a write leaves it open; `recover` removes what is not complete
                self._archive.close()
        self._beside.shutdown()

    @property
    def _hidden(self) -> Path:
        return self.folder / f".{self.name}.zip"

    def _open(self) -> zipfile.ZipFile:
        if self._archive is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._archive = zipfile.ZipFile(self._hidden, "w")
        return self._archive


def recover(folder: Path, committed: Iterable[str], own: str | None = None) -> None:
    """Finish what a load has begun: the copies of a committed load get their names, others are removed.

    Where the ledger knows of no load at all, the warehouse may have been deleted after a load that was killed between
    its commit and this: complete copies of another load than `own` are taken for those of a committed one then.
    Clean rows that a killed load has left are removed.

    Args:
        folder: the folder of the copies; nobody else may be writing there.
        committed: names of the archives of loads that were committed.
        own: name of the archive of this load.
    """
    stems = {name.removesuffix(".zip") for name in committed}
    for path in folder.glob(f"{PREFIX}*"):
        path.unlink()
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
    """List the archives of all loads, oldest first; other files of that kind are not ours."""
    found = (data_dir / INBOX / KEPT).glob("[0-9]*.zip")
    return sorted(path for path in found if _NAME.fullmatch(path.name) and path.is_file())


def kept_files(archive: Path) -> Iterator[tuple[KeptName, bytes | Path | None]]:
    """Read what one load has imported.

    Yields:
        Each file with its content, or the path of a large one; None where it had been loaded before.

    Raises:
        KeptError: it is damaged, or a large file is missing.
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
        raise KeptError(f"{path}: this copy of {name.source_file} is missing; put it back")
    return path
