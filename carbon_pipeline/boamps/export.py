"""Export of reports: one JSON file per run, written only if it has changed, and one wide table of all reports."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.boamps.context import ReportContext
from carbon_pipeline.boamps.flat import Column, columns, flatten
from carbon_pipeline.boamps.machine_report import MachineReport, machine_reports
from carbon_pipeline.boamps.model import Report
from carbon_pipeline.boamps.plausibility import Violation
from carbon_pipeline.boamps.report import CommonPart, as_json, file_name, id_in_name, make_report
from carbon_pipeline.common.csv_text import csv_text, write_csv
from carbon_pipeline.common.files import ManyFiles, remove_stale_parts, replacing, write_text
from carbon_pipeline.warehouse.connection import locked
from carbon_pipeline.warehouse.parquet import write_parquet
from carbon_pipeline.warehouse.warehouse import Warehouse

FOLDER = Path("reports") / "boamps"
"""Folder of the reports within the data folder; files made from all reports are written beside it."""

INCOMPLETE_COLUMNS = ("run_id", "project_name", "missing", "wrong")

RUNS_AT_A_TIME = 500

LOCK_S = 600
"""How long an export waits for another one to finish, seconds."""


class Incomplete(NamedTuple):
    """A run for which no report can be made, and why.

    Attributes:
        run_id: ID of the run.
        project_name: project that the run belongs to.
        missing: required fields that are not known.
        wrong: the rules that the run breaks, one sentence each.
    """

    run_id: str
    project_name: str | None
    missing: list[str]
    wrong: list[str]

    @property
    def lacks_only_user_context(self) -> bool:
        """Whether the run breaks no rule and only user-provided fields are missing."""
        return not self.wrong and not {"measures", "infrastructure.components"} & {*self.missing}

    @property
    def reason(self) -> str:
        """Why there is no report, in one sentence."""
        missing = [f"missing: {', '.join(self.missing)}"] if self.missing else []
        return "; ".join([*missing, *self.wrong])


@dataclass
class Exported:
    """Result of an export.

    Attributes:
        folder: folder of the reports.
        written: number of reports that are new or have changed.
        unchanged: number of reports that were already up to date.
        removed: number of files removed, since their run has a report under another name or no longer has one.
        kept: number of older files kept although no report can be made now: only user-provided fields are missing.
        incomplete: runs without a report.
        tables: the wide table as CSV and as Parquet, if it was requested.
    """

    folder: Path
    written: int = 0
    unchanged: int = 0
    removed: int = 0
    kept: int = 0
    incomplete: list[Incomplete] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)

    @property
    def reports(self) -> int:
        """Number of up-to-date reports in the folder, of the runs that were exported."""
        return self.written + self.unchanged

    @property
    def reasons(self) -> dict[str, int]:
        """Number of runs without a report by reason, the most frequent reason first."""
        return dict(Counter(found.reason for found in self.incomplete).most_common())


def export_reports(
    runs: Iterable[MachineReport],
    context: ReportContext,
    folder: Path,
    table: "Table | None" = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Exported:
    """Write the report of each run for which every required field is known.

    Args:
        runs: the measured part of each report.
        context: the user-provided context.
        folder: folder for the files; created if it does not exist. Files that exports did not write are not touched.
        table: table to which each report is added as well.
        progress: called now and then with the number of runs that are done.

    Returns:
        Counts of files, and the runs without a report.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(folder)
    exported = Exported(folder)
    common = _CommonParts(context)
    with _Written(folder) as written, ManyFiles(folder) as files:
        for number, run in enumerate(runs, start=1):
            name = None
            made = _make(run, common)
            if isinstance(made, Incomplete):
                exported.incomplete.append(made)
                if made.lacks_only_user_context and run.run_id in written.names:
                    exported.kept += 1
                    written.keep(run.run_id)
                    continue
            else:
                name = file_name(made)
                if files.write(name, as_json(made).encode()):
                    exported.written += 1
                else:
                    exported.unchanged += 1
                if table:
                    table.add(made)
            exported.removed += written.replace(run.run_id, name)
            if number % RUNS_AT_A_TIME == 0:
                progress(number)
        if table:
            exported.removed += written.remove_unlisted()
    return exported


def export_all(
    warehouse: Warehouse,
    context: ReportContext,
    folder: Path,
    progress: Callable[[int], None] = lambda done: None,
    wait_s: float = LOCK_S,
) -> Exported:
    """Write the reports of all runs as `export_reports` does, and beside the folder the wide table and incomplete runs.

    Args:
        warehouse: the warehouse; its published copy is read.
        context: the user-provided context.
        folder: folder for the files.
        progress: called now and then with the number of runs that are done.
        wait_s: how long to wait for another export to the same folder, seconds.

    Returns:
        Counts of files, the runs without a report, and the paths of the tables.

    Raises:
        WarehouseMissingError: nothing has been published yet.
        WarehouseBusyError: another export still writes to the folder.
        OSError: the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(folder.parent)
    with locked(folder, wait_s), Table(folder) as table:
        exported = export_reports(machine_reports(warehouse), context, folder, table, progress)
        exported.tables = table.write(warehouse.memory_limit)
    write_text(
        beside(folder, "_incomplete.csv"),
        csv_text(INCOMPLETE_COLUMNS, (found._asdict() for found in exported.incomplete)),
    )
    return exported


def beside(folder: Path, ending: str) -> Path:
    """Path of a file that is made from all reports in a folder."""
    return folder.with_name(f"{folder.name}{ending}")


class Table:
    """One wide table of all reports, in the column names of BoAmps' flattener, as CSV and Parquet."""

    def __init__(self, folder: Path):
        """Create an empty table.

        Args:
            folder: folder of the reports; the table is written beside it.
        """
        self._folder = folder
        self._lines = folder.with_name(f".{folder.name}.jsonl")
        self._names: set[str] = set()

    def __enter__(self) -> "Table":
        self._lines.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._lines.open("w+", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lines.unlink()

    def add(self, report: Report) -> None:
        """Add a row."""
        row = dict(flatten(report.model_dump(by_alias=True, exclude_none=True)))
        self._names.update(row)
        self._file.write(json.dumps(row) + "\n")

    def write(self, memory_limit: str) -> list[Path]:
        """Write both files and replace older ones; a table without rows has no columns, so older files are removed.

        Returns:
            The paths of the files; empty if there is no row.

        Raises:
            OSError: a file cannot be written.
        """
        self._file.flush()
        names = columns(self._names)
        paths = [beside(self._folder, ending) for ending in (".csv", ".parquet")]
        if not names:
            for path in paths:
                path.unlink(missing_ok=True)
            return []
        with replacing(paths[0], durable=False) as part:
            self._write_csv(self._lines, names, part)
        with replacing(paths[1], durable=False) as part:
            write_parquet(self._lines, names, part, memory_limit)
        return paths

    def _write_csv(self, lines: Path, names: list[Column], path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file, lines.open(encoding="utf-8") as rows:
            write_csv(file, [name for name, _ in names], map(json.loads, rows))


def one_report(run: MachineReport, context: ReportContext) -> tuple[Report | None, Incomplete | None]:
    """Make the report of one run.

    Returns:
        The report and None; or None and why no report can be made.
    """
    made = _make(run, _CommonParts(context))
    return (None, made) if isinstance(made, Incomplete) else (made, None)


class _CommonParts:
    """What each run's report has in common with others, cached, since runs of a project usually share it."""

    def __init__(self, context: ReportContext):
        self._context = context
        self.of = lru_cache(maxsize=1000)(self._make)

    def _make(self, project_name: str | None, task: str | None, machine: str) -> CommonPart:
        return CommonPart(json.loads(machine), self._context.of(project_name, json.loads(task or "null")))


def _make(run: MachineReport, common: _CommonParts) -> Report | Incomplete:
    measured: Mapping[str, Any] = json.loads(run.measured)
    report, violations = make_report(measured, common.of(run.project_name, run.task, run.machine))
    return _incomplete(run, violations) if report is None else report


def _incomplete(run: MachineReport, violations: Iterable[Violation]) -> Incomplete:
    found = list(violations)
    return Incomplete(
        run.run_id,
        run.project_name,
        [violation.field for violation in found if violation.is_missing],
        [str(violation) for violation in found if not violation.is_missing],
    )


class _Written:
    """The files that exports wrote to a folder, by run (`.written`): only those are ever removed.

    Its text is not trusted, since anybody can edit it: an entry counts only if it names a file that a report of that
    run can have. Such a name has no folder in it.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._path = folder / ".written"
        self.names: dict[str, str] = {}
        self._now: dict[str, str] = {}

    def __enter__(self) -> "_Written":
        try:
            listed = json.loads(self._path.read_bytes()) if self._path.is_file() else {}
            entries = listed.items() if isinstance(listed, dict) else ()
            self.names = {run_id: name for run_id, name in entries if _is_report_of(run_id, name)}
        except (ValueError, RecursionError):
            self.names = {}
        return self

    def __exit__(self, *_: object) -> None:
        text = json.dumps(self.names | self._now)
        if not (self._path.is_file() and self._path.read_bytes() == text.encode()):
            write_text(self._path, text)

    def keep(self, run_id: str) -> None:
        """Keep the file of a run as it is."""
        self._now[run_id] = self.names[run_id]

    def replace(self, run_id: str, name: str | None) -> int:
        """Set the file of a run, None for none, remove its former one, and return the number of removed files."""
        old = self.names.pop(run_id, None)
        if name:
            self._now[run_id] = name
        return self._remove(old) if old and old != name else 0

    def remove_unlisted(self) -> int:
        """Remove the files of runs that are no longer in the warehouse, and return the number of removed files."""
        unlisted = [run_id for run_id in self.names if run_id not in self._now]
        return sum(self._remove(self.names.pop(run_id)) for run_id in unlisted)

    def _remove(self, name: str) -> int:
        path = self._folder / name
        if not (path.is_file() or path.is_symlink()):  # gone already, or a folder of somebody else
            return 0
        path.unlink(missing_ok=True)  # of a link, the link
        return 1


def _is_report_of(run_id: str, name: object) -> bool:
    """Whether a report of this run can have this file name (`file_name`)."""
    ending = f"_{id_in_name(run_id)}.json"
    return isinstance(name, str) and name.startswith("report_") and name.endswith(ending) and not {*"/\\\0"} & {*name}
