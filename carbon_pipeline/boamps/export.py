"""All reports as files: one JSON file for each run, written if it changed, and one wide table of all of them."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from carbon_pipeline.boamps.context import ReportContext, UserContext
from carbon_pipeline.boamps.flat import Column, columns, flatten
from carbon_pipeline.boamps.machine_report import MachineReport, machine_reports
from carbon_pipeline.boamps.model import Report
from carbon_pipeline.boamps.plausibility import Violation
from carbon_pipeline.boamps.report import as_json, file_name, make_report
from carbon_pipeline.common.csv_text import cell, csv_text
from carbon_pipeline.common.files import replacing, write_text
from carbon_pipeline.warehouse.parquet import write_parquet
from carbon_pipeline.warehouse.warehouse import Warehouse

FOLDER = Path("reports") / "boamps"
"""Where the reports lie in the data folder; what is made of all of them lies beside it."""

INCOMPLETE_COLUMNS = ("run_id", "project_name", "missing", "wrong")

RUNS_AT_A_TIME = 500

LOCK_S = 600
"""How long one export waits for another one."""


class Incomplete(NamedTuple):
    """A run of which no report can be made, and why.

    Attributes:
        run_id: the run.
        project_name: project that it belongs to.
        missing: fields that are required and are not known.
        wrong: what is against the rules, in sentences.
    """

    run_id: str
    project_name: str | None
    missing: list[str]
    wrong: list[str]

    @property
    def lacks_only_what_is_told(self) -> bool:
        """Whether nothing is wrong with the run, and only what a person can know is missing."""
        return not self.wrong and not {"measures", "infrastructure.components"} & {*self.missing}

    @property
    def reason(self) -> str:
        """Why there is no report, in one sentence."""
        missing = [f"missing: {', '.join(self.missing)}"] if self.missing else []
        return "; ".join([*missing, *self.wrong])


@dataclass
class Exported:
    """What an export did.

    Attributes:
        folder: where the reports lie.
        written: reports that are new or have changed.
        unchanged: reports that were there already.
        removed: files of runs that have a report under another name now, or none any more.
        left: files of runs of which no report could be made now, since something that is told is missing.
        incomplete: runs without a report.
        tables: the wide table as CSV and as Parquet, if it was asked for.
    """

    folder: Path
    written: int = 0
    unchanged: int = 0
    removed: int = 0
    left: int = 0
    incomplete: list[Incomplete] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)

    @property
    def reports(self) -> int:
        """Reports that lie in the folder now, of the runs that were asked for."""
        return self.written + self.unchanged

    @property
    def reasons(self) -> dict[str, int]:
        """Why runs have no report, the most frequent reason first, with the number of runs."""
        return dict(Counter(found.reason for found in self.incomplete).most_common())


def export_reports(
    runs: Iterable[MachineReport],
    context: ReportContext,
    folder: Path,
    table: "Table | None" = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Exported:
    """Writes the report of each run that has all that a report needs.

    Args:
        runs: what the warehouse knows.
        context: what was told.
        folder: where the files go; made if it is not there. Files in it that were not written by this are left alone.
        table: takes each report as well.
        progress: is told now and then how many runs have been done.

    Returns:
        What was done.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exported = Exported(folder)
    told = _Telling(context)
    with _Written(folder) as written:
        for number, run in enumerate(runs, start=1):
            name = None
            made = _make(run, told)
            if isinstance(made, Incomplete):
                exported.incomplete.append(made)
                if made.lacks_only_what_is_told and run.run_id in written.names:
                    exported.left += 1
                    written.keep(run.run_id)
                    continue
            else:
                name = file_name(made)
                if _write(folder / name, as_json(made)):
                    exported.written += 1
                else:
                    exported.unchanged += 1
                if table:
                    table.add(made)
            exported.removed += written.replace(run.run_id, name)
            if number % RUNS_AT_A_TIME == 0:
                progress(number)
        if table:
            exported.removed += written.drop_the_rest()
    return exported


def export_all(
    warehouse: Warehouse, context: ReportContext, folder: Path, progress: Callable[[int], None] = lambda done: None
) -> Exported:
    """Write the reports of all runs, as `export_reports`; beside the folder the wide table and the incomplete runs.

    Args:
        warehouse: the warehouse; its published copy is read.
        context: the user-provided part of the reports.
        folder: where the files go.
        progress: called now and then with the number of runs that are done.

    Returns:
        What was done.

    Raises:
        WarehouseMissingError: nothing has been published yet.
        OSError: the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(beside(folder, ".lock"), timeout=LOCK_S), Table(folder) as table:
        exported = export_reports(machine_reports(warehouse), context, folder, table, progress)
        exported.tables = table.write(warehouse.memory_limit)
    write_text(
        beside(folder, "_incomplete.csv"),
        csv_text(INCOMPLETE_COLUMNS, (found._asdict() for found in exported.incomplete)),
    )
    return exported


def beside(folder: Path, ending: str) -> Path:
    """Where a file lies that is made of all reports in a folder.

    Args:
        folder: the folder.
        ending: what is put behind its name.

    Returns:
        The file.
    """
    return folder.with_name(f"{folder.name}{ending}")


class Table:
    """One wide table of all reports, in the column names of BoAmps' flattener, as CSV and Parquet."""

    def __init__(self, folder: Path):
        """Begins an empty table.

        Args:
            folder: where the reports lie; the table comes beside it.
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
        """Adds a row.

        Args:
            report: what it says.
        """
        row = dict(flatten(report.model_dump(by_alias=True, exclude_none=True)))
        self._names.update(row)
        self._file.write(json.dumps(row) + "\n")

    def write(self, memory_limit: str) -> list[Path]:
        """Write both files, in place of older ones; a table without a row has no columns and is no file.

        Args:
            memory_limit: memory that DuckDB may use.

        Returns:
            The files.

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
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [name for name, _ in names], lineterminator="\n")
            writer.writeheader()
            with lines.open(encoding="utf-8") as rows:
                writer.writerows({name: cell(value) for name, value in json.loads(row).items()} for row in rows)


def one_report(run: MachineReport, context: ReportContext) -> tuple[Report | None, Incomplete | None]:
    """The report of one run.

    Args:
        run: what the warehouse knows.
        context: what was told.

    Returns:
        The report, or why there is none.
    """
    made = _make(run, _Telling(context))
    return (None, made) if isinstance(made, Incomplete) else (made, None)


class _Telling:
    """What was told of a run; runs of one project share it."""

    def __init__(self, context: ReportContext):
        self.of = lru_cache(maxsize=1000)(lambda project, task: context.of(project, task and json.loads(task)))


def _make(run: MachineReport, told: _Telling) -> Report | Incomplete:
    machine: Mapping[str, Any] = json.loads(run.machine)
    tell: UserContext = told.of(run.project_name, run.task)
    report, violations = make_report(machine, tell)
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
    """Which files were written here, by run: only those are ever removed."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._path = folder / ".written"
        self._now: dict[str, str] = {}

    def __enter__(self) -> "_Written":
        try:
            self.names: dict[str, str] = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            self.names = {}
        return self

    def __exit__(self, *_: object) -> None:
        text = json.dumps(self.names | self._now)
        if not self._path.exists() or self._path.read_text() != text:
            write_text(self._path, text)

    def keep(self, run_id: str) -> None:
        """The file of this run stays as it is."""
        self._now[run_id] = self.names[run_id]

    def replace(self, run_id: str, name: str | None) -> int:
        """The run has this file now, or none; another one of it goes. Returns how many went."""
        old = self.names.pop(run_id, None)
        if name:
            self._now[run_id] = name
        return self._remove(old) if old and old != name else 0

    def drop_the_rest(self) -> int:
        """Runs that were not named are not in the warehouse any more. Returns how many files went."""
        gone = [run_id for run_id in self.names if run_id not in self._now]
        return sum(self._remove(self.names.pop(run_id)) for run_id in gone)

    def _remove(self, name: str) -> int:
        try:
            (self._folder / name).unlink()
        except FileNotFoundError:
            return 0
        return 1


def _write(path: Path, text: str) -> bool:
    """Writes a file whole if it does not say this already. It can be made again: nothing waits for the disk."""
    content = text.encode()
    try:
        if path.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    with replacing(path, durable=False) as part:
        part.write_bytes(content)
    return True
