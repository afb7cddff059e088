"""One load: files become rows, and their rows measurements, in one transaction or not at all."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from carbon_pipeline.common.country import all_countries
from carbon_pipeline.model.codecarbon_defaults import CODECARBON_DEFAULT_EXPERIMENT_ID
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.attribution import attribute_energy
from carbon_pipeline.warehouse.coefficients import coefficients_of
from carbon_pipeline.warehouse.connection import literally
from carbon_pipeline.warehouse.ingest.clean_rows import (
    EVERY_COLUMN,
    LEADING,
    LINE_BYTES,
    SAMPLES,
    CleanFile,
    CleanRows,
    Rejected,
    types_of,
)
from carbon_pipeline.warehouse.ingest.large_file import LARGE_BYTES, LargeFile
from carbon_pipeline.warehouse.ingest.sources import SourceFile
from carbon_pipeline.warehouse.progress import Progress
from carbon_pipeline.warehouse.published import PublishedCopy
from carbon_pipeline.warehouse.schema import transaction

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

CHUNK_ROWS = 2000
CHUNK_CHARACTERS = 2**23
"""Rows and characters handed to DuckDB at a time as JSON, which needs many times its size in memory."""

LIKELY_ROWS = 50_000
"""Rows of a file in which all that many rows share is looked for first."""

LOOK_UP_FILES = 500
"""Files looked up in the ledger at a time; their contents are in memory until then."""


@dataclass(frozen=True)
class FileResult:
    """What became of the rows of one file: read = loaded + superseded + quarantined.

    Attributes:
        source_file: the file.
        rows_read: rows in it.
        rows_loaded: rows that count: each is the current state of a run.
        rows_superseded: rows of runs for which another row counts.
        rows_quarantined: rows that were rejected, with their reasons in raw.quarantine.
        rows_flagged: loaded rows whose run carries a flag.
        flags: loaded rows by flag.
        note: what else there is to know.
        is_rejected: whether it is a file of no known kind, or cannot be read; `note` has the reason.
    """

    source_file: str
    rows_read: int = 0
    rows_loaded: int = 0
    rows_superseded: int = 0
    rows_quarantined: int = 0
    rows_flagged: int = 0
    flags: dict[str, int] = field(default_factory=dict)
    note: str = ""
    is_rejected: bool = False


def rejections(results: Iterable[FileResult]) -> list[str]:
    """List what was rejected in a load, a sentence for each file of which something was."""
    return [
        f"{result.source_file}: {result.note}"
        if result.is_rejected
        else f"{result.source_file}: {result.rows_quarantined:,} of its {result.rows_read:,} rows rejected; "
        "`carbon-pipeline report quarantine` has the reasons"
        for result in results
        if result.is_rejected or result.rows_quarantined
    ]


def load_files(
    connection: "DuckDBPyConnection",
    files: Iterable[SourceFile],
    folder: "Path",
    name: str,
    progress: Progress | None = None,
    before_commit: Callable[[], None] = lambda: None,
) -> "Loaded":
    """Load files in one transaction; content that is in the warehouse already changes nothing but the ledger.

    Args:
        connection: the warehouse, open for writing, with its schema.
        files: what to load; read one after the other.
        folder: where clean rows are written for the time of the load.
        name: name of the load.
        progress: receives how far the load has come.
        before_commit: is called when all but the commit is done.
    """
    with CleanRows(folder, name) as rows:
        load = _Load(connection, rows, progress or Progress())
        load.stage(files)
        with transaction(connection):
            load.apply()
            before_commit()
        return load.loaded


@dataclass
class Loaded:
    """The files of a load.

    Attributes:
        new: numbers of those whose content is new.
        known: results of the others, by number.
    """

    new: list[int] = field(default_factory=list)
    known: dict[int, FileResult] = field(default_factory=dict)

    def results(self, copy: PublishedCopy) -> list[FileResult]:
        """Look up what became of each file, in the order in which they were given.

        Args:
            copy: the warehouse, published after the load.
        """
        flags: dict[int, Counter[str]] = defaultdict(Counter)
        flagged: Counter[int] = Counter()
        for row in copy.rows(sql.statement("queries", "flagged_runs"), {"files": self.new}):
            flagged[row["file_no"]] += row["runs"] if row["flags"] else 0
            flags[row["file_no"]].update(dict.fromkeys(row["flags"], row["runs"]))
        found = dict(self.known)
        for row in copy.rows(sql.statement("queries", "file_results"), {"files": self.new}):
            number, form = row.pop("file_no"), row.pop("format")
            found[number] = FileResult(
                **row, rows_flagged=flagged[number], flags=dict(flags[number]), is_rejected=form == "rejected"
            )
        return [result for _, result in sorted(found.items())]


class _Load:
    """Stages rows in temporary tables, then makes measurements of them.

    The two are apart since DuckDB reads with one thread only what a transaction that is still open has written.
    """

    def __init__(self, connection: "DuckDBPyConnection", rows: CleanRows, progress: Progress):
        self._connection, self._rows, self._progress = connection, rows, progress
        self.loaded = Loaded()
        self._new: dict[int, dict[str, Any]] = {}
        self._seen: dict[str, int] = {}
        self._replaced: list[int] = []

    def stage(self, files: Iterable[SourceFile]) -> None:
        self._run("01_staging")
        self._record_parts = self._split_record()
        (first,) = self._ask("next_file_no", "queries")[0].values()
        for chunk in _chunks(enumerate(files, first)):
            known = self._known(chunk)
            for number, file in chunk:
                before = known.get(file.sha256) or self._again(file)
                if file.format == "unreadable":
                    self.loaded.known[number] = FileResult(file.source_file, note=file.note, is_rejected=True)
                elif before and file.timezone not in (None, before.timezone):
                    self._take_again(number, file, before)
                elif before and file.format != "rejected":
                    self._take_name(number, file, before)
                else:
                    self._take(number, file)
        for clean in self._rows.files():
            self._read(clean)
        self._run("07_new_contexts", countries=json.dumps([asdict(country) for country in all_countries()]))
        self._read_records("08_records", "own")
        self._read_records("09_record_contexts", "shared")
        self._feed("10_new_files", self._new.values())
        self._run("12_replaced", files=self._replaced)
        self._feed("11_rejected_rows", (row._asdict() for row in self._rows.rejected))

    def apply(self) -> None:
        self._run("21_contexts")
        add_coefficients(self._connection)
        for step in ("24_contested", "25_measurements", "26_loaded_files"):
            self._run(step)
        self._read_records("27_curves", SAMPLES)
        for step in ("31_current", "32_tasks"):
            self._run(step)
        attribute_energy(self._connection)

    def _take(self, number: int, file: SourceFile) -> None:
        """Read a file whose content is new."""
        if file.format != "rejected":
            self._seen[file.sha256] = number
            file.keep(is_known=False)
        rows_read = self._read_file(number, file)
        note = file.note or "; ".join(file.reader.notes if file.reader else ())
        self._new[number] = {
            "file_no": number, "source_file": file.source_file, "sha256": file.sha256, "same_as": None,
            "format": file.format, "note": note or None, "kept": file.kept, "fingerprint": file.fingerprint,
            "timezone": file.timezone, "rows_read": rows_read,
        }  # fmt: skip
        self.loaded.new.append(number)
        file.content = file.reader = file.record = None

    def _take_again(self, number: int, file: SourceFile, before: "_Known") -> None:
        """Read a file anew whose times were read in another zone: somebody has corrected that."""
        file.note = f"read again, with times in {file.timezone} in place of {before.timezone or 'UTC'}"
        self._replaced.append(before.file_no)
        self._rows.rejected = [row for row in self._rows.rejected if row.file_no != before.file_no]
        if self._new.pop(before.file_no, None):  # a rebuild reads all that was ever loaded
            self.loaded.new.remove(before.file_no)
        self._take(number, file)

    def _take_name(self, number: int, file: SourceFile, before: "_Known") -> None:
        """Note a file whose content has been loaded before, or is in this load under another name."""
        is_new_name = file.source_file not in before.names
        if is_new_name:
            file.keep(is_known=True)
        file.drop_copy()
        self._progress.add(size=file.size)
        already = "already loaded" + (f" with times in {before.timezone}" if before.timezone else "")
        note = "; ".join(note for note in (already, before.note) if note)
        rows = before.rows_read, 0, before.rows_read - before.rows_quarantined, before.rows_quarantined
        self.loaded.known[number] = FileResult(file.source_file, *rows, note=note)
        self._new[number] = {
            "file_no": number, "source_file": file.source_file, "sha256": file.sha256, "same_as": before.file_no,
            "format": file.format, "note": before.note, "kept": file.kept, "fingerprint": file.fingerprint,
            "timezone": file.timezone, "rows_read": before.rows_read,
        }  # fmt: skip

    def _read_file(self, number: int, file: SourceFile) -> int:
        """Make clean rows of a file, and count its rows."""
        rows_read = 0
        if file.format == "record":
            rows_read = 1
            if file.record:
                self._rows.add_record(number, file.record, self._record_parts)
            else:
                self._rows.rejected.append(Rejected(number, 1, file.reason, file.text))
        elif file.reader:
            rows_read = self._read_directly(number, file) or file.reader.read(number, self._rows)
        self._progress.add(rows_read, file.size)
        return rows_read

    def _read_directly(self, number: int, file: SourceFile) -> int | None:
        """Have DuckDB read a file as it is; None if anything in it has to be looked at row by row."""
        large = file.clean_copy
        if large is None or file.reader is None:
            return None
        first = self._count_staged()
        clean = CleanFile(large.path, types_of(file.reader.layout.columns), LINE_BYTES)
        with self._progress.of(self._connection, large.lines - 1, file.size):
            found = self._read(clean, number, large)
        if found.pop("rows", None) == large.lines - 1 and not any(found.values()):
            self._run("05_direct_file", file_no=number)
            return large.lines - 1
        self._run("06_undo_rows", first=first)
        self._forget_rejects()
        return None

    def _read(self, clean: CleanFile, number: int | None = None, large: LargeFile | None = None) -> dict[str, int]:
        """Read a file of clean rows."""
        import duckdb

        first = self._count_staged()
        source = {
            "nothing": literally(self._rows.nothing()), "every_column": LEADING | types_of(EVERY_COLUMN),
            "path": literally(clean.path), "columns": clean.columns, "has_header": large is not None,
            "longest": clean.longest,
        }  # fmt: skip
        try:
            self._run("02_read_rows", **source, file_no=number, default_experiment_id=CODECARBON_DEFAULT_EXPERIMENT_ID)
        except duckdb.InvalidInputException:
            if large is None:
                raise
            return {}
        (found,) = self._ask("04_check_rows", first=first)
        if large is not None and (
            found["rows"] != large.lines - 1 or found["rows_out_of_bounds"] or found["rows_rejected"]
        ):
            return found  # DuckDB 1.5 may fail for good when it reads some columns only of a file with damaged rows
        for most in (LIKELY_ROWS, 2**62):
            self._run("03_read_contexts", **source, most=most)
            (found,) = self._ask("04_check_rows", first=first)
            if not found["rows_without_context"]:
                break
        if large is None:
            if found["rows_out_of_bounds"]:
                raise RuntimeError(f"{found['rows_out_of_bounds']} rows are not clean after all")
            self._reject_what_duckdb_rejects()
        return found

    def _reject_what_duckdb_rejects(self) -> None:
        """Rows with a cell that only looked like a time or a number, such as 30 February."""
        for row in self._ask("rejected_cells", "queries"):
            file_no, line, *cells = next(csv.reader([row["csv_line"]]))
            content = ",".join(cells[len(LEADING) - 2 :])
            reason = f"{row['column_name']} is no valid value: {row['error_message'].splitlines()[0]}"
            self._rows.rejected.append(Rejected(int(file_no), int(line), reason, content))
        self._forget_rejects()

    def _forget_rejects(self) -> None:
        self._connection.execute("DELETE FROM reject_errors")

    def _count_staged(self) -> int:
        return int(self._ask("count_staged", "queries")[0]["rows"])

    def _known(self, chunk: list[tuple[int, SourceFile]]) -> dict[str, "_Known"]:
        hashes = [file.sha256 for _, file in chunk if file.format in ("record", "codecarbon_csv")]
        rows = self._ask("known_files", "queries", sha256=hashes)
        return {row.pop("sha256"): _Known(**row) for row in rows}

    def _again(self, file: SourceFile) -> "_Known | None":
        """The same content, earlier in this load."""
        if file.sha256 not in self._seen:
            return None
        first = self._new[self._seen[file.sha256]]
        quarantined = sum(row.file_no == first["file_no"] for row in self._rows.rejected)
        names = [first["source_file"]]
        return _Known(first["file_no"], first["rows_read"], quarantined, first["note"], first["timezone"], names)

    def _read_records(self, step: str, part: str) -> None:
        fields = {SAMPLES: "VARCHAR"} if part == SAMPLES else self._record_parts[part]
        path, columns, longest = self._rows.record_file(part, fields)
        self._run(step, path=literally(path), columns=columns, longest=longest)

    def _split_record(self) -> dict[str, dict[str, str]]:
        """The fields of a record with their types: its own, and those of raw.context. Lists and maps are JSON texts."""
        parts: dict[str, dict[str, str]] = {"own": {}, "shared": {}}
        for row in self._ask("record_columns", "queries"):
            if row["column_name"] in RunRecord.model_fields:
                is_text = (
                    row["data_type"] == "JSON" or row["data_type"].startswith("MAP") or row["data_type"].endswith("[]")
                )
                part = parts["shared" if row["is_shared"] else "own"]
                part[row["column_name"]] = "VARCHAR" if is_text else row["data_type"]
        return parts

    def _feed(self, step: str, rows: Iterable[dict[str, Any]]) -> None:
        for chunk in _by_size(rows):
            self._run(step, rows=json.dumps(chunk))

    def _run(self, step: str, **parameters: Any) -> None:
        self._connection.execute(sql.statement("ingest", step), parameters or None)

    def _ask(self, step: str, folder: str = "ingest", **parameters: Any) -> list[dict[str, Any]]:
        return sql.ask(self._connection, folder, step, **parameters)


class _Known(NamedTuple):
    """Content that has been loaded before, under one name or several."""

    file_no: int
    rows_read: int
    rows_quarantined: int
    note: str | None
    timezone: str | None
    names: list[str]


def add_coefficients(connection: "DuckDBPyConnection") -> None:
    """Evaluate the interval model for all contexts for which that has not been done."""
    contexts = sql.ask(connection, "ingest", "22_without_coefficients")
    rows = (
        {"context_no": number, **row}
        for context in contexts
        for number in [context.pop("context_no")]
        for row in coefficients_of(**context)
    )
    for chunk in _by_size(rows):
        connection.execute(sql.statement("ingest", "23_coefficients"), {"rows": json.dumps(chunk)})


def infer_again(connection: "DuckDBPyConnection") -> None:
    """Evaluate the interval model for all contexts, and infer anew how the rows of files were measured."""
    add_coefficients(connection)
    connection.execute(sql.statement("queries", "infer_again"))


def _chunks(files: Iterable[tuple[int, SourceFile]]) -> Iterator[list[tuple[int, SourceFile]]]:
    chunk: list[tuple[int, SourceFile]] = []
    size = 0
    for number, file in files:
        chunk.append((number, file))
        size += file.size
        if len(chunk) == LOOK_UP_FILES or size >= LARGE_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _by_size(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in chunks of some thousands, or of some megabytes of text."""
    chunk, characters = [], 0
    for row in rows:
        chunk.append(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(chunk) == CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
