"""One load: files with their rows go into raw and core in one transaction, or not at all."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from carbon_pipeline.country import all_countries
from carbon_pipeline.tracking import quality
from carbon_pipeline.tracking.codecarbon_defaults import CODECARBON_DEFAULT_EXPERIMENT_ID
from carbon_pipeline.tracking.record import SHORT_RUN_S
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.migrate import transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


CHUNK_ROWS = 2000
"""Rows handed to DuckDB at a time: a JSON value of a whole file would need three hundred times its size in memory."""


@dataclass
class SourceFile:
    """A file that was read, ready to be loaded.

    Attributes:
        source_file: its name in the warehouse.
        sha256: hash of its content.
        format: what it is.
        rows: its rows: line, content as it came in, and the record as JSON where the content is not that itself.
        refused: rows that could not even be read: line, reason, content.
    """

    source_file: str
    sha256: str
    format: Literal["record", "codecarbon_csv"]
    rows: list[tuple[int, str, str | None]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """All rows of the file, readable or not."""
        return len(self.rows) + len(self.refused)


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
        note: what else there is to say.
    """

    source_file: str
    rows_read: int
    rows_loaded: int
    rows_superseded: int
    rows_quarantined: int
    rows_flagged: int
    note: str = ""


def load_files(connection: "DuckDBPyConnection", files: list[SourceFile]) -> list[FileResult]:
    """Loads files in one transaction; content that is in the warehouse already changes nothing but the ledger.

    Args:
        connection: the warehouse, open for writing and migrated.
        files: what to load.

    Returns:
        A result for each file, in the same order.
    """
    fresh: dict[str, SourceFile] = {}
    known: list[SourceFile] = []
    for file in files:
        if file.sha256 in fresh or _known(connection, file.sha256):
            known.append(file)
        else:
            fresh[file.sha256] = file
    with transaction(connection):
        loaded = iter(_load(connection, list(fresh.values())) if fresh else ())
        again = {id(file): _load_again(connection, file) for file in known}
    return [again[id(file)] if id(file) in again else next(loaded) for file in files]


def _known(connection: "DuckDBPyConnection", sha256: str) -> bool:
    return connection.execute(sql.statement("queries", "known_file"), {"sha256": sha256}).fetchone() is not None


def _load_again(connection: "DuckDBPyConnection", file: SourceFile) -> FileResult:
    _run(connection, "known_again", source_file=file.source_file, sha256=file.sha256)
    found = connection.execute(sql.statement("queries", "known_file"), {"sha256": file.sha256}).fetchone()
    read, quarantined = found if found else (0, 0)
    return FileResult(file.source_file, read, 0, read - quarantined, quarantined, 0, "already loaded")


def _load(connection: "DuckDBPyConnection", files: list[SourceFile]) -> list[FileResult]:
    _run(connection, "inbox")
    _feed(connection, "inbox_files", (
        {"source_file": f.source_file, "sha256": f.sha256, "format": f.format, "rows_read": f.rows_read} for f in files
    ))  # fmt: skip
    _feed(connection, "inbox_rows", (
        {"sha256": f.sha256, "line": line, "content": content, "record": record}
        for f in files for line, content, record in f.rows
    ))  # fmt: skip
    _feed(connection, "refused", (
        {"sha256": f.sha256, "line": line, "reason": reason, "content": content}
        for f in files for line, reason, content in f.refused
    ))  # fmt: skip
    _run(connection, "stage")
    _run(connection, "stage_records")
    if any(file.format == "codecarbon_csv" for file in files):
        _stage_codecarbon(connection)
    for step in ("raw", "best", "keyed", "hardware", "location", "software", "task", "run", "attribute", "ledger"):
        _run(connection, step)
    return [FileResult(*row) for row in connection.execute(sql.statement("load", "result")).fetchall()]


def _stage_codecarbon(connection: "DuckDBPyConnection") -> None:
    from carbon_pipeline.tracking.intensity import world_average_g_per_kwh

    _run(connection, "codecarbon_rows", countries=json.dumps([asdict(country) for country in all_countries()]))
    _run(connection, "refused_codecarbon")
    _run(
        connection,
        "stage_codecarbon",
        world_average_g_per_kwh=world_average_g_per_kwh(),
        default_experiment_id=CODECARBON_DEFAULT_EXPERIMENT_ID,
        short_run_s=SHORT_RUN_S,
    )
    _run(connection, "kind", kinds=json.dumps([_kind(row) for row in _rows(connection, "kinds")]))
    _run(
        connection,
        "intervals",
        average=[quality.AVERAGE_INTENSITY.low, quality.AVERAGE_INTENSITY.high],
        anywhere=[quality.ANYWHERE_G_PER_KWH.low, quality.ANYWHERE_G_PER_KWH.high],
        high_within=quality.HIGH_WITHIN,
        medium_within=quality.MEDIUM_WITHIN,
    )


def _kind(row: dict[str, Any]) -> dict[str, Any]:
    """A kind of imported rows with its coefficients."""
    found = quality.coefficients({}, **row)
    return row | {name: [ends.low, ends.high] for name, ends in vars(found).items()}


def _rows(connection: "DuckDBPyConnection", step: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql.statement("load", step))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _feed(connection: "DuckDBPyConnection", step: str, rows: Iterable[dict[str, Any]]) -> None:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, CHUNK_ROWS)):
        _run(connection, step, rows=json.dumps(chunk))


def _run(connection: "DuckDBPyConnection", step: str, **parameters: Any) -> None:
    connection.execute(sql.statement("load", step), parameters or None)
