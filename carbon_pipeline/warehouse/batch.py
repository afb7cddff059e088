"""One load: files with their rows go into raw and core in one transaction, or not at all."""

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from carbon_pipeline.country import all_countries
from carbon_pipeline.tracking.codecarbon_defaults import CODECARBON_DEFAULT_EXPERIMENT_ID
from carbon_pipeline.tracking.record import SHORT_RUN_S
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.migrate import transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass
class SourceFile:
    """A file that was read, ready to be loaded.

    Attributes:
        source_file: its name in the warehouse.
        sha256: hash of its content.
        format: what it is.
        rows: its rows as mappings, each with its `line` and its `content` as JSON.
        refused: rows that could not even be read: line, reason, content.
    """

    source_file: str
    sha256: str
    format: Literal["record", "codecarbon_csv"]
    rows: list[dict[str, Any]] = field(default_factory=list)
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
    """Loads files whose content is not in the warehouse yet; a file that is known changes nothing.

    Args:
        connection: the warehouse, open for writing and migrated.
        files: what to load.

    Returns:
        A result for each file, in the same order.
    """
    known = {sha256 for (sha256,) in connection.execute(sql.statement("queries", "known_files")).fetchall()}
    fresh: list[SourceFile] = []
    results: dict[int, FileResult] = {}
    for file in files:
        if file.sha256 in known:
            read = file.rows_read
            results[id(file)] = FileResult(file.source_file, read, 0, read, 0, 0, "already loaded")
        else:
            known.add(file.sha256)
            fresh.append(file)
    if fresh:
        for file, result in zip(fresh, _load(connection, fresh), strict=True):
            results[id(file)] = result
    return [results[id(file)] for file in files]


def _load(connection: "DuckDBPyConnection", files: list[SourceFile]) -> list[FileResult]:
    with transaction(connection):
        _run(connection, "inbox")
        _run(connection, "inbox_files", files=json.dumps([
            {"source_file": f.source_file, "sha256": f.sha256, "format": f.format, "rows_read": f.rows_read}
            for f in files
        ]))  # fmt: skip
        _run(connection, "inbox_rows", rows=json.dumps([
            {"source_file": f.source_file, "line": row["line"], "content": row["content"]}
            for f in files for row in f.rows
        ]))  # fmt: skip
        _run(connection, "refused", refused=json.dumps([
            {"source_file": f.source_file, "line": line, "reason": reason, "content": content}
            for f in files for line, reason, content in f.refused
        ]))  # fmt: skip
        _run(connection, "stage")
        records = [
            {**row, "source_file": f.source_file, "source_line": row["line"]}
            for f in files if f.format == "record" for row in f.rows
        ]  # fmt: skip
        _run(connection, "stage_records", rows=json.dumps(records))
        cells = [{**row, "source_file": f.source_file} for f in files if f.format == "codecarbon_csv" for row in f.rows]
        if cells:
            _stage_codecarbon(connection, cells)
        for step in ("raw", "best", "keyed", "hardware", "location", "software", "task", "run", "ledger"):
            _run(connection, step)
        return [FileResult(*row) for row in connection.execute(sql.statement("load", "result")).fetchall()]


def _stage_codecarbon(connection: "DuckDBPyConnection", cells: list[dict[str, Any]]) -> None:
    from carbon_pipeline.tracking.intensity import world_average_g_per_kwh

    countries = json.dumps([asdict(country) for country in all_countries()])
    _run(connection, "codecarbon_rows", rows=json.dumps(cells), countries=countries)
    _run(connection, "refused_codecarbon")
    _run(
        connection,
        "stage_codecarbon",
        world_average_g_per_kwh=world_average_g_per_kwh(),
        default_experiment_id=CODECARBON_DEFAULT_EXPERIMENT_ID,
        short_run_s=SHORT_RUN_S,
    )


def _run(connection: "DuckDBPyConnection", step: str, **parameters: Any) -> None:
    connection.execute(sql.statement("load", step), parameters or None)
