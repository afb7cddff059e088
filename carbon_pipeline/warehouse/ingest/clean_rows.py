"""Clean rows on their way to DuckDB: files that its typed `read_csv` certainly reads, and the rejected rows.

Rows that were plain in their file are copied as they are, into one file for each set of columns; all others are written
cell by cell under all of CodeCarbon's columns. They lie hidden in the inbox, which a load may read, until it has ended.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.warehouse.ingest.layout import COLUMNS, NUMBERS

PREFIX = ".clean-"
LINE_BYTES = 2 * 2**20
"""DuckDB's own limit of a line; where a line is longer, that of its file is."""

EVERY_COLUMN = (*sorted(COLUMNS), "extra")

LEADING = {
    "file_no": "INTEGER",
    "line": "BIGINT",
    "is_repaired": "BOOLEAN",
    "has_invalid_value": "BOOLEAN",
    "extra_columns": "VARCHAR",
}


def types_of(columns: tuple[str, ...]) -> dict[str, str]:
    """The DuckDB types of CodeCarbon's columns; 02_read_rows.sql reads the time, since casts let zones through."""
    return {column: "DOUBLE" if column in NUMBERS else "VARCHAR" for column in columns}


SAMPLES = "samples"
"""The part of landed records that is the curve of the run."""


class Rejected(NamedTuple):
    """A row that was rejected: where it is, why, and its text, unmodified."""

    file_no: int
    line: int
    reason: str
    content: str


class CleanFile(NamedTuple):
    """A file of clean rows: its columns with their types, and the length of its longest line in bytes at most."""

    path: Path
    columns: dict[str, str]
    longest: int


class CleanRows:
    """Collects the clean rows and the rejected ones of all files of a load."""

    def __init__(self, folder: Path, name: str):
        """Write nothing yet.

        Args:
            folder: where the files lie.
            name: name of the load.
        """
        self._folder, self._name = folder.resolve(), name
        self._plain: dict[tuple[str, ...], tuple[Path, IO[str]]] = {}
        self._odd: tuple[Path, IO[str]] | None = None
        self._writer: Any = None
        self._records: dict[str, tuple[Path, IO[str]]] = {}
        self._nothing: tuple[Path, IO[str]] | None = None
        self._longest: dict[Path, int] = {}
        self.rejected: list[Rejected] = []

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Remove the files."""
        for path, file in self._files():
            file.close()
            path.unlink(missing_ok=True)

    def plain_file(self, columns: tuple[str, ...]) -> IO[str]:
        """The file for plain rows of these columns; each line begins with the number of the file and the line."""
        if columns not in self._plain:
            self._plain[columns] = self._open(f"{len(self._plain)}")
        return self._plain[columns][1]

    def note_length(self, columns: tuple[str, ...], characters: int) -> None:
        """Remember how long a plain line may be."""
        path = self._plain[columns][0]
        self._longest[path] = max(self._longest[path], 4 * characters + 100)

    def add(
        self, file_no: int, line: int, values: Mapping[str, str], extra: Mapping[str, str],
        *, is_repaired: bool, has_invalid_value: bool,
    ) -> None:  # fmt: skip
        """Add a row cell by cell."""
        if self._odd is None:
            self._odd = self._open("odd")
            self._writer = csv.writer(self._odd[1], quoting=csv.QUOTE_ALL, lineterminator="\n")
        extra_columns = json.dumps(extra, ensure_ascii=False) if extra else ""
        cells = [values.get(column, "") for column in EVERY_COLUMN]
        self._writer.writerow([file_no, line, is_repaired, has_invalid_value, extra_columns, *cells])
        length = 4 * (sum(map(len, cells)) + 2 * len(extra_columns)) + 1000
        self._longest[self._odd[0]] = max(self._longest[self._odd[0]], length)

    def add_record(self, file_no: int, record: RunRecord, kinds: Mapping[str, Mapping[str, str]]) -> None:
        """Add a landed record, in parts.

        Args:
            file_no: number of its file.
            record: the record.
            kinds: for each part, the names and types of its fields; samples are a part of their own.
        """
        values = record.model_dump(mode="json", include=set(RunRecord.model_fields) - {"samples"})
        if record.samples:
            self._add_samples(file_no, record.samples.model_dump_json())
        for part, fields in kinds.items():
            if part not in self._records:
                self._records[part] = self._open(part)
            path, file = self._records[part]
            cells = [_text(values.get(name)) for name in fields]
            csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([file_no, 1, *cells])
            self._longest[path] = max(self._longest[path], 8 * sum(map(len, cells)) + 1000)

    def _add_samples(self, file_no: int, samples: str) -> None:
        """Add the samples of a record, as JSON: a tenth of the time that csv.writer needs for some 40 kB of numbers."""
        if SAMPLES not in self._records:
            self._records[SAMPLES] = self._open(SAMPLES)
        path, file = self._records[SAMPLES]
        cell = samples.replace('"', '""')
        file.write(f'{file_no},1,"{cell}"\n')
        self._longest[path] = max(self._longest[path], len(cell) + 1000)

    def nothing(self) -> Path:
        """An empty file."""
        if self._nothing is None:
            self._nothing = self._open("nothing")
            self._nothing[1].close()
        return self._nothing[0]

    def record_file(self, part: str, fields: Mapping[str, str]) -> CleanFile:
        """The file of one part of the landed records, which may be empty."""
        columns = {"file_no": "INTEGER", "line": "BIGINT", **fields}
        if part not in self._records:
            return CleanFile(self.nothing(), columns, LINE_BYTES)
        path, file = self._records[part]
        file.close()
        return CleanFile(path, columns, max(LINE_BYTES, self._longest[path]))

    def files(self) -> Iterator[CleanFile]:
        """Close the files of CSV rows.

        Yields:
            Each of them, ready to be read.
        """
        for columns, (path, file) in self._plain.items():
            file.close()
            yield CleanFile(path, LEADING | types_of(columns), max(LINE_BYTES, self._longest[path]))
        if self._odd:
            path, file = self._odd
            file.close()
            yield CleanFile(path, LEADING | types_of(EVERY_COLUMN), max(LINE_BYTES, self._longest[path]))

    def _files(self) -> list[tuple[Path, IO[str]]]:
        others = (found for found in (self._odd, self._nothing) if found)
        return [*self._plain.values(), *self._records.values(), *others]

    def _open(self, name: str) -> tuple[Path, IO[str]]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{PREFIX}{self._name}-{name}.csv"
        self._longest[path] = 0
        return path, path.open("w", encoding="utf-8", newline="")


def _text(value: object) -> str:
    """A value of a record as a cell."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    return text.replace("\0", "")
