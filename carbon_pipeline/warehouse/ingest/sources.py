"""What a load takes in, one file after the other: landed records, CSV files, and the stored copies of both."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.ingest.files import fingerprint
from carbon_pipeline.warehouse.ingest.large_file import LargeFile
from carbon_pipeline.warehouse.ingest.layout import NotCodeCarbonError
from carbon_pipeline.warehouse.ingest.reader import CsvReader
from carbon_pipeline.warehouse.ingest.source_archive import KeptError, KeptName, SourceArchive, kept_files

Format = Literal["record", "codecarbon_csv", "rejected", "unreadable"]


@dataclass
class SourceFile:
    """A file that is to be loaded.

    Attributes:
        source_file: its name in the warehouse.
        sha256: hash of its content.
        format: what it is; an unreadable one does not enter the ledger, since it may be readable tomorrow.
        note: what is odd about it as a whole.
        record: the landed record, if it is one and valid.
        reason: why a record is rejected.
        text: the text of a record.
        reader: reads the rows of a CSV file.
        content: the content of a CSV file: all of a small one, the copy of a large one.
        archive: keeps the content of what comes from outside.
        kept: name of the archive in which the content is kept.
        fingerprint: see `raw.loaded_file`.
        timezone: time zone of times without one; None for UTC.
        size: bytes.
    """

    source_file: str
    sha256: str
    format: Format
    note: str = ""
    record: RunRecord | None = None
    reason: str = ""
    text: str = ""
    reader: CsvReader | None = None
    content: bytes | LargeFile | None = field(default=None, repr=False)
    archive: SourceArchive | None = None
    kept: str | None = None
    fingerprint: str | None = None
    timezone: str | None = None
    size: int = 0

    def keep(self, is_known: bool) -> None:
        """Keep the content, or only the name where the content is known."""
        if self.archive:
            self.kept = f"{self.archive.name}.zip"
            name = KeptName(self.source_file, self.sha256, fingerprint=self.fingerprint, timezone=self.timezone)
            self.archive.keep(name, None if is_known else self.content)

    def drop_copy(self) -> None:
        """Remove the copy of a large file whose content is known."""
        if isinstance(self.content, LargeFile) and self.archive:
            self.content.path.unlink()
        self.content = None

    @property
    def clean_copy(self) -> LargeFile | None:
        """The copy of a large file, if DuckDB may read it as it is."""
        is_clean = (
            isinstance(self.content, LargeFile)
            and self.content.is_clean
            and self.reader is not None
            and self.reader.layout.is_plain
            and self.reader.header_line == 1
            and self.timezone is None
        )
        return self.content if is_clean and isinstance(self.content, LargeFile) else None


def read_files(
    paths: Iterable[Path],
    archive: SourceArchive,
    data_dir: Path,
    *,
    is_placed: bool = False,
    timezone: str | None = None,
) -> Iterator[SourceFile]:
    """Read CSV files and keep a copy of each.

    Args:
        paths: the files.
        archive: keeps the copies.
        data_dir: the data folder; names of files in it are relative to it.
        is_placed: whether they are in the inbox: what is wrong with one is noted in the ledger then.
        timezone: time zone of times without one; None for UTC.

    Raises:
        NotCodeCarbonError: one is not CodeCarbon's, or not any more, unless `is_placed`.
    """
    for path in paths:
        source = SourceFile(_name(path, data_dir), "", "codecarbon_csv", archive=archive, timezone=timezone)
        try:
            source.fingerprint = fingerprint(path) if is_placed else None
            if path.stat().st_size >= large_file.LARGE_BYTES:
                CsvReader(lambda path=path: path.open("rb"))  # type: ignore[misc]
                _open(source, archive.copy(path))
            else:
                _open(source, path.read_bytes())
        except FileNotFoundError:
            if not is_placed:
                raise NotCodeCarbonError(f"{printable_path(path)}: does not exist any more") from None
            continue
        except (OSError, NotCodeCarbonError) as error:
            why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            if not is_placed:
                raise NotCodeCarbonError(f"{printable_path(path)}: {why}") from None
            source.format = "unreadable" if isinstance(error, OSError) else "rejected"
            source.note, source.archive = why, None
            source.sha256 = _sha256(f"{source.source_file} {source.fingerprint}".encode())
        yield source


def read_kept(archive: Path) -> Iterator[SourceFile]:
    """Read again what an earlier load has imported.

    Raises:
        KeptError: a copy is damaged, missing, or not what was loaded.
    """
    for name, content in kept_files(archive):
        source = SourceFile(
            name.source_file, name.sha256, "codecarbon_csv", kept=archive.name, fingerprint=name.fingerprint,
            timezone=name.timezone,
        )  # fmt: skip
        if content is not None:
            _open(source, content if isinstance(content, bytes) else large_file.examine(content))
            if source.sha256 != name.sha256:
                where = archive if isinstance(content, bytes) else content
                raise KeptError(f"{where}: the copy is not what was loaded from {name.source_file}; put that back")
        yield source


def read_record(path: Path, name: str) -> SourceFile:
    """Read a landed record."""
    try:
        return parse_record(name, path.read_bytes())
    except OSError as error:
        return SourceFile(name, "", "unreadable", note=f"cannot be read: {error.strerror}; a later load tries again")


def parse_record(name: str, content: bytes) -> SourceFile:
    """Read the text of a record."""
    source = SourceFile(
        name, _sha256(content), "record", text=content.decode("utf-8", "backslashreplace"), size=len(content)
    )
    try:
        source.record = RunRecord.model_validate_json(content)
        if source.record.source == "csv":
            source.record, source.reason = None, "source: csv is for rows of imported files, and this is a record"
    except ValidationError as error:
        parts = (f"{'.'.join(map(str, part['loc'])) or 'file'}: {part['msg']}" for part in error.errors())
        source.reason = "; ".join(parts)
    except RecursionError:
        source.reason = "file: is nested too deeply"
    return source


def _open(source: SourceFile, content: bytes | LargeFile) -> None:
    """Read the header of a CSV file."""
    zone = ZoneInfo(source.timezone) if source.timezone else None
    source.content = content
    if isinstance(content, bytes):
        source.sha256, source.size = _sha256(content), len(content)
        source.reader = CsvReader(lambda: io.BytesIO(content), zone)
    else:
        source.sha256, source.size = content.sha256, content.path.stat().st_size
        source.reader = CsvReader(lambda: content.path.open("rb"), zone)


def _name(path: Path, data_dir: Path) -> str:
    path, data_dir = Path(os.path.abspath(path)), Path(os.path.abspath(data_dir))  # a link is a name too
    return printable_path(path.relative_to(data_dir) if path.is_relative_to(data_dir) else path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
