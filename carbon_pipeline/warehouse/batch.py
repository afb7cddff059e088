"""One load: files with their rows go into raw and core in one transaction, or not at all."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from carbon_pipeline.common.country import all_countries
from carbon_pipeline.model import interval
from carbon_pipeline.model.codecarbon_defaults import CODECARBON_DEFAULT_EXPERIMENT_ID
from carbon_pipeline.model.flags import SHORT_RUN_S
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import literally
from carbon_pipeline.warehouse.csv_reader import COLUMNS, NUMBERS, Layout, Row
from carbon_pipeline.warehouse.inbox import LARGE_BYTES, Keeper, LargeFile
from carbon_pipeline.warehouse.progress import Progress
from carbon_pipeline.warehouse.schema import transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


CHUNK_ROWS = 2000
CHUNK_LETTERS = 2**23
"""Rows and letters handed to DuckDB at a time: a JSON value needs many times its size in memory."""

LIKELY_ROWS = 50_000
"""Rows of a large file among which all kinds of its rows are looked for first."""

LOOK_UP_FILES = 500
"""Files looked up in the ledger at a time."""


@dataclass
class SourceFile:
    """A file that is to be loaded.

    Attributes:
        source_file: its name in the warehouse.
        sha256: hash of its content.
        format: what it is.
        rows: its rows; read once.
        note: what is odd about it as a whole; known when its rows have been read.
        content: all of it, if it is a small file from outside.
        large: its copy, if it is a large one.
        keeper: keeps the content, if it came from outside; called when it is known to be new.
        kept: name of the archive in which the content is kept.
        fingerprint: see `raw.loaded_file`.
        size: bytes.
    """

    source_file: str
    sha256: str
    format: Literal["record", "codecarbon_csv", "refused"]
    rows: Iterable[Row] = ()
    note: str = ""
    content: bytes | None = None
    large: LargeFile | None = None
    keeper: Keeper | None = None
    kept: str | None = None
    fingerprint: str | None = None
    size: int = 0

    def keep(self) -> None:
        """Keeps the content."""
        if self.keeper:
            self.kept = f"{self.keeper.name}.zip"
            if self.large:
                self.keeper.keep(self.source_file, self.large, self.fingerprint)
            elif self.content is not None:
                self.keeper.add(self.source_file, self.sha256, self.content, self.fingerprint)
        self.content = None

    def keep_name(self) -> None:
        """Keeps the name only, since the content is kept already."""
        if self.keeper:
            self.kept = f"{self.keeper.name}.zip"
            self.keeper.add_name(self.source_file, self.sha256, self.fingerprint)

    def drop(self) -> None:
        """Lets go of the content, since it is kept already."""
        if self.large and self.keeper:
            self.large.path.unlink()
        self.content = None


@dataclass(frozen=True)
class FileResult:
    """What became of the rows of one file: read = loaded + superseded + quarantined.

    Attributes:
        source_file: the file.
        rows_read: rows in it.
        rows_loaded: rows that became a run or brought one up to date.
        rows_superseded: rows of runs for which another row counts.
        rows_quarantined: rows that were refused, with their reasons in raw.quarantine.
        rows_flagged: loaded rows whose run carries a flag.
        flags: loaded rows by flag.
        note: what else there is to say.
        is_refused: whether it is a file of no known kind; `note` says why.
    """

    source_file: str
    rows_read: int
    rows_loaded: int
    rows_superseded: int
    rows_quarantined: int
    rows_flagged: int = 0
    flags: dict[str, int] = field(default_factory=dict)
    note: str = ""
    is_refused: bool = False


def rejections(results: Iterable[FileResult]) -> list[str]:
    """List what was rejected in a load, a sentence for each file of which something was."""
    return [
        f"{result.source_file}: {result.note}"
        if result.is_refused
        else f"{result.source_file}: {result.rows_quarantined} rows of {result.rows_read} rejected; see raw.quarantine"
        for result in results
        if result.is_refused or result.rows_quarantined
    ]


def load_files(
    connection: "DuckDBPyConnection",
    files: Iterable[SourceFile],
    progress: Progress | None = None,
    before_commit: Callable[[], None] = lambda: None,
) -> list[FileResult]:
    """Loads files in one transaction; content that is in the warehouse already changes nothing but the ledger.

    Args:
        connection: the warehouse, open for writing, with its schema.
        files: what to load; read one after the other.
        progress: is told how far it has come.
        before_commit: is called when all but the commit is done.
    """
    load = _Load(connection, progress or Progress())
    load.stage(files)
    with transaction(connection):
        results = load.apply()
        before_commit()
    return results


class _Load:
    """Stages rows in temporary tables, then puts them into raw and core.

    The two are apart since DuckDB reads with one thread only what a transaction that is still open has written.
    """

    def __init__(self, connection: "DuckDBPyConnection", progress: Progress):
        self._connection = connection
        self._progress = progress
        self._new: dict[int, tuple[SourceFile, int]] = {}
        self._again: dict[int, SourceFile] = {}
        self._seen: set[str] = set()
        self._row_no = itertools.count()
        self._rows: list[dict[str, Any]] = []
        self._refused: list[dict[str, Any]] = []
        self._letters = 0

    def stage(self, files: Iterable[SourceFile]) -> None:
        for step in ("inbox", "cells", "codecarbon_row", "keys"):
            self._run(step)
        self._run("known", known=_known_values())
        for chunk in _chunks(enumerate(files)):
            known = self._known(file for _, file in chunk if file.format != "refused")
            for number, file in chunk:
                if file.sha256 in known or file.sha256 in self._seen:
                    if file.sha256 not in known or file.source_file not in known[file.sha256].names:
                        file.keep_name()
                    file.drop()
                    self._again[number] = file
                    self._progress.add(size=file.size)
                    continue
                if file.format != "refused":
                    self._seen.add(file.sha256)
                    file.keep()
                self._new[number] = file, self._read(number, file)
        self._flush()
        self._feed("inbox_files", (
            {"file_no": number, "source_file": f.source_file, "sha256": f.sha256, "format": f.format,
             "note": f.note or None, "kept": f.kept, "fingerprint": f.fingerprint, "rows_read": rows_read}
            for number, (f, rows_read) in self._new.items()
        ))  # fmt: skip
        for step in ("codecarbon_text", "codecarbon_refused", "codecarbon_typed"):
            self._run(step)
        self._run("codecarbon_reduced", source="codecarbon_typed", file_no=None)
        self._run("codecarbon_kinds", source="codecarbon_typed", file_no=None, most=2**62)
        self._run("numbered_row")
        self._run("record_row", columns=json.dumps(self._record_columns()))
        self._run("record_run")
        self._run("kind", countries=json.dumps([asdict(country) for country in all_countries()]))
        self._run("coefficients", machines=json.dumps([_coefficients(row) for row in self._ask("machines")]))
        for step in ("known_kind", "flag_sets", "codecarbon_task"):
            self._run(step)

    def apply(self) -> list[FileResult]:
        (before,) = self._ask("last_row", "queries")[0].values()
        for step in ("hardware", "location", "software", "task", "contested"):
            self._run(step)
        for step in ("choose_contested", "codecarbon_run", "contender", "choose_uncontested", "run", "contested_run"):
            self._run(step)
        if any(file.format == "record" for file, _ in self._new.values()):
            self._run("attribute")
        for step in ("task_share", "raw", "ledger"):
            self._run(step)
        results = self._results(before) | self._load_again()
        return [result for _, result in sorted(results.items())]

    def _results(self, before: int) -> dict[int, FileResult]:
        flags: dict[str, Counter[str]] = defaultdict(Counter)
        flagged: Counter[str] = Counter()
        cursor = self._connection.execute(sql.statement("load", "flagged"), {"before": before})
        for source_file, names, runs in cursor.fetchall():
            flagged[source_file] += runs
            flags[source_file].update(dict.fromkeys(names, runs))
        results = (
            FileResult(**row, rows_flagged=flagged[row["source_file"]], flags=dict(flags[row["source_file"]]))
            for row in self._ask("result")
        )
        return dict(zip(self._new, results, strict=True))

    def _load_again(self) -> dict[int, FileResult]:
        """Files whose content had been loaded before."""
        rows = [
            {"source_file": f.source_file, "sha256": f.sha256, "kept": f.kept, "fingerprint": f.fingerprint}
            for f in self._again.values()
        ]
        self._feed("again", {(row["source_file"], row["sha256"]): row for row in rows}.values())
        known = self._known(self._again.values())
        return {number: _result_again(file, known[file.sha256]) for number, file in self._again.items()}

    def _read(self, number: int, file: SourceFile) -> int:
        """Puts the rows of a file where the statements find them, and counts them."""
        rows_read = self._read_large(number, file) if file.large and file.large.is_clean else None
        if rows_read is None:
            rows_read = 0
            for row in file.rows:
                self._take(number, row)
                rows_read += 1
                if rows_read % CHUNK_ROWS == 0:
                    self._progress.add(CHUNK_ROWS)
            self._progress.add(rows_read % CHUNK_ROWS, file.size)
        file.note = file.note or "; ".join(getattr(file.rows, "notes", ()))
        file.rows = ()
        return rows_read

    def _read_large(self, number: int, file: SourceFile) -> int | None:
        """Has DuckDB read a large file; None if there is anything in it that has to be looked at row by row."""
        import duckdb

        assert file.large is not None
        layout: Layout = file.rows.layout  # type: ignore[attr-defined]
        names = layout.names
        if not (layout.is_plain and {*names} <= COLUMNS and "run_id" in names) or layout.is_of_tasks:
            return None
        types = {name: "DOUBLE" if name in NUMBERS else "VARCHAR" for name in names} | {"timestamp": "TIMESTAMPTZ"}
        self._run("large", large={"path": literally(file.large.path.resolve()), "columns": types})
        rows = file.large.lines - 1
        try:
            self._run("codecarbon_large")
            with self._progress.of(self._connection, rows, file.size):
                self._run("codecarbon_reduced", source="codecarbon_large", file_no=number)
            (found,) = self._ask("codecarbon_doubts", file_no=number)
        except duckdb.InvalidInputException:
            found = {}
        if found == {"rows": rows, "doubtful": 0, "rejected": 0}:
            for most in (LIKELY_ROWS, rows):  # nearly always, the first rows are of all kinds that there are
                self._run("codecarbon_kinds", source="codecarbon_large", file_no=number, most=most)
                if self._ask("codecarbon_kinds_missing", file_no=number) == [{"rows": 0}]:
                    return rows
                self._run("codecarbon_kinds_undone", file_no=number)
        self._progress.add(-rows, -file.size)
        self._run("codecarbon_undone", file_no=number)
        self._run("codecarbon_rejects")
        return None

    def _take(self, number: int, row: Row) -> None:
        place = {"row_no": next(self._row_no), "file_no": number, "line": row.line, "content": row.content}
        if row.refused:
            self._refused.append({**place, "reason": row.refused})
        else:
            self._rows.append({**place, "record": row.record})
        self._letters += len(row.content)
        if len(self._rows) + len(self._refused) >= CHUNK_ROWS or self._letters >= CHUNK_LETTERS:
            self._flush()

    def _flush(self) -> None:
        self._feed("inbox_rows", self._rows)
        self._feed("refused", self._refused)
        self._rows, self._refused, self._letters = [], [], 0

    def _feed(self, step: str, rows: Iterable[dict[str, Any]]) -> None:
        iterator = iter(rows)
        while chunk := list(itertools.islice(iterator, CHUNK_ROWS)):
            self._run(step, rows=json.dumps(chunk))

    def _run(self, step: str, **parameters: Any) -> None:
        self._connection.execute(sql.statement("load", step), parameters or None)

    def _ask(self, step: str, folder: str = "load", **parameters: Any) -> list[dict[str, Any]]:
        cursor = self._connection.execute(sql.statement(folder, step), parameters or None)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _record_columns(self) -> dict[str, Any]:
        """Names and types of the fields of a record that have a column in core."""
        fields = RunRecord.model_fields.keys() | RunRecord.model_computed_fields.keys()
        types = {row["column_name"]: row["data_type"] for row in self._ask("record_columns", "queries")}
        return {name: ["VARCHAR"] if types[name] == "VARCHAR[]" else types[name] for name in sorted(fields & {*types})}

    def _known(self, files: Iterable[SourceFile]) -> dict[str, "_KnownFile"]:
        rows = self._ask("known_files", "queries", sha256=[file.sha256 for file in files])
        return {row.pop("sha256"): _KnownFile(**row) for row in rows}


class _KnownFile(NamedTuple):
    """Content that has been loaded before, under one name or several."""

    rows_read: int
    rows_quarantined: int
    note: str | None
    names: list[str]


def _result_again(file: SourceFile, known: _KnownFile) -> FileResult:
    return FileResult(
        file.source_file,
        known.rows_read,
        0,
        known.rows_read - known.rows_quarantined,
        known.rows_quarantined,
        note="; ".join(note for note in ("already loaded", known.note) if note),
    )


def _chunks(files: Iterable[tuple[int, SourceFile]]) -> Iterator[list[tuple[int, SourceFile]]]:
    """Files that are looked up together; their contents are in memory until then."""
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


def _known_values() -> dict[str, Any]:
    from carbon_pipeline.tracking.intensity import world_average_g_per_kwh

    return {
        "default_experiment_id": CODECARBON_DEFAULT_EXPERIMENT_ID,
        "world_average_g_per_kwh": world_average_g_per_kwh(),
        "short_run_s": SHORT_RUN_S,
        "average": [interval.AVERAGE_INTENSITY.low, interval.AVERAGE_INTENSITY.high],
        "anywhere": [interval.ANYWHERE_G_PER_KWH.low, interval.ANYWHERE_G_PER_KWH.high],
        "high_within": interval.HIGH_WITHIN,
        "medium_within": interval.MEDIUM_WITHIN,
    }


def _coefficients(machine: dict[str, Any]) -> dict[str, Any]:
    """A machine with its coefficients."""
    found = interval.coefficients({}, **machine)
    return machine | {name: [ends.low, ends.high] for name, ends in vars(found).items()}
