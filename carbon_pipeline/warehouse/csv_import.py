"""Finding the files to import, and handing them to a load one after the other. How they are read: csv_reader.py."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.warehouse import inbox
from carbon_pipeline.warehouse.batch import SourceFile
from carbon_pipeline.warehouse.csv_reader import CodeCarbonCsv, NotCodeCarbonError, Row
from carbon_pipeline.warehouse.inbox import Keeper


@dataclass
class FoundFiles:
    """Files to import.

    Attributes:
        files: the files, in order.
        refused: a sentence for each named file that cannot be taken.
        left_out: a sentence for each file in a folder that looks like one of CodeCarbon's by its name and is none.
        others: how many other files are in those folders, hidden ones and links that lead nowhere among them.
    """

    files: list[Path] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    others: int = 0


def find_files(paths: Iterable[Path], data_dir: Path | None = None) -> FoundFiles:
    """Finds CodeCarbon's files by what is in them: those that are named, and all below folders that are not hidden.

    Args:
        paths: files and folders.
        data_dir: the data folder, whose own copies of what was loaded are left out.

    Returns:
        The files, and what is not taken, with the reason.
    """
    found = FoundFiles()
    for path in paths:
        if os.path.isdir(path):
            inside = inbox.walk(path, data_dir)
            found.others += len(inside.passed_over)
            found.left_out += inside.closed
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
            found.refused.append(str(error))
        elif any(word in path.name.lower() for word in (".csv", "emissions")):
            found.left_out.append(str(error))
        else:
            found.others += 1


def require_codecarbon(path: Path) -> None:
    """Looks at the first line of a file.

    Raises:
        NotCodeCarbonError: it is not one of CodeCarbon's, or cannot be read; the message names it and says why.
    """
    try:
        if not path.exists():
            raise NotCodeCarbonError("there is no such file or folder")
        if not path.is_file():
            raise NotCodeCarbonError("is no regular file")
        with path.open("rb") as file:
            CodeCarbonCsv(file)
    except OSError as error:
        raise NotCodeCarbonError(f"{printable_path(path)}: cannot be read: {error.strerror}") from None
    except NotCodeCarbonError as error:
        raise NotCodeCarbonError(f"{printable_path(path)}: {error}") from None


def read_files(paths: Iterable[Path], keeper: Keeper, data_dir: Path, is_dropped: bool = False) -> Iterator[SourceFile]:
    """Reads files and keeps a copy of each.

    Args:
        paths: the files.
        keeper: keeps the copies.
        data_dir: the data folder; names of files in it are relative to it.
        is_dropped: whether they are in the inbox: what is wrong with one is noted in the ledger then.

    Yields:
        Each file, ready to be loaded.

    Raises:
        NotCodeCarbonError: one is not CodeCarbon's, or not any more, unless `is_dropped`.
    """
    for path in paths:
        name = _name(path, data_dir)
        try:
            fingerprint = inbox.fingerprint(path) if is_dropped else None
            source = _read(path, name, keeper, fingerprint)
        except FileNotFoundError:
            if not is_dropped:
                raise NotCodeCarbonError(f"{printable_path(path)}: is not there any more") from None
            continue
        except (OSError, NotCodeCarbonError) as error:
            why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            if not is_dropped:
                raise NotCodeCarbonError(f"{printable_path(path)}: {why}") from None
            sha256 = hashlib.sha256(f"{name} {fingerprint}".encode()).hexdigest()
            source = SourceFile(name, sha256, "refused", note=why, fingerprint=fingerprint)
        yield source


def read_kept(archive: Path) -> Iterator[SourceFile]:
    """Reads again what an earlier load has taken in.

    Yields:
        Each file, ready to be loaded.

    Raises:
        KeptError: a copy is damaged, gone, or not what was loaded.
    """
    for name, content in inbox.kept_files(archive):
        source = SourceFile(
            name.source_file, name.sha256, "codecarbon_csv", kept=archive.name, fingerprint=name.fingerprint
        )
        if isinstance(content, bytes):
            source.content = content
            _prepare_small(source)
        elif isinstance(content, Path):
            _prepare_large(source, inbox.examine(content))
            if source.sha256 != name.sha256:
                raise inbox.KeptError(f"{content}: is not what was loaded from {name.source_file}; put that back")
        yield source


def _read(path: Path, name: str, keeper: Keeper, fingerprint: str | None) -> SourceFile:
    source = SourceFile(name, "", "codecarbon_csv", fingerprint=fingerprint, keeper=keeper)
    if path.stat().st_size >= inbox.LARGE_BYTES:
        with path.open("rb") as file:
            CodeCarbonCsv(file)
        _prepare_large(source, keeper.copy(path))
    else:
        source.content = path.read_bytes()
        _prepare_small(source)
        source.sha256 = hashlib.sha256(source.content).hexdigest()
    return source


def _prepare_small(source: SourceFile) -> None:
    assert source.content is not None
    source.rows, source.size = CodeCarbonCsv(io.BytesIO(source.content)), len(source.content)


def _prepare_large(source: SourceFile, large: inbox.LargeFile) -> None:
    source.large, source.sha256, source.rows = large, large.sha256, _LargeCsv(large.path)
    source.size = large.path.stat().st_size


class _LargeCsv:
    """The rows of a large file, read from its copy when they are asked for."""

    def __init__(self, path: Path):
        self._path = path
        with path.open("rb") as file:
            csv = CodeCarbonCsv(file)
        self.layout, self.notes = csv.layout, csv.notes

    def __iter__(self) -> Iterator[Row]:
        with self._path.open("rb") as file:
            csv = CodeCarbonCsv(file)
            yield from csv
            self.notes = csv.notes


def _name(path: Path, data_dir: Path) -> str:
    path, data_dir = Path(os.path.abspath(path)), Path(os.path.abspath(data_dir))  # a link is a name too
    return printable_path(path.relative_to(data_dir) if path.is_relative_to(data_dir) else path)
