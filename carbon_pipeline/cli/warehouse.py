"""Commands that load, import, rebuild and query the warehouse."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from carbon_pipeline.cli.errors import fail
from carbon_pipeline.cli.terminal import (
    counted,
    print_json,
    print_json_rows,
    print_table,
    printable,
    progress_bar,
    say,
    write_utf8,
)
from carbon_pipeline.common.csv_text import write_csv
from carbon_pipeline.common.files import printable_path
from carbon_pipeline.errors import FAILURE, WRONG_INPUT, InputError
from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.settings import read_settings

if TYPE_CHECKING:
    from carbon_pipeline.warehouse.ingest.files import FoundFiles
    from carbon_pipeline.warehouse.ingest.load import FileResult
    from carbon_pipeline.warehouse.warehouse import Warehouse

RUN_COLUMNS = (
    "run_id",
    "started_at",
    "name",
    "project_name",
    "status",
    "duration_s",
    "energy_kwh",
    "energy_low_kwh",
    "energy_high_kwh",
    "emissions_kg",
    "quality",
    "flags",
)
"""The columns of `runs` that fit a terminal; csv and json print all of them."""

RUN_ID_CHARACTERS = 8
"""So much of a run ID is nearly always unique."""

MOST_REJECTED = 10
"""Rejected rows that an import prints."""

MOST_RUNS = 50
"""Runs in the table of `report runs`, if --limit is not given."""

LOCK_TIMEOUT_S = 10.0
"""How long a command waits for another writer, seconds."""

Wait = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for another writer.")]


class Format(StrEnum):
    """How a report is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def load(wait: Wait = LOCK_TIMEOUT_S) -> None:
    """Load the records that have landed, and the files in the inbox, into the warehouse."""
    from carbon_pipeline.tracking.landing import passed_over
    from carbon_pipeline.warehouse.ingest.files import SETTLED_S
    from carbon_pipeline.warehouse.ingest.load import rejections

    warehouse = open_warehouse(wait)
    with progress_bar() as progress:
        results = warehouse.load(progress)
    for sentence in rejections(results):
        say(sentence)
    for path, reason in passed_over(warehouse.data_dir):
        say(f"passed over: {printable_path(path)}: {reason}")
    if fresh := warehouse.fresh():
        names = ", ".join(path.name for path in fresh)
        say(f"left for the next load, since they changed in the last {SETTLED_S:g} s: {names}")
    total = _totals(results)
    files = sum(result.is_rejected for result in results)
    no_files = f", {counted(files, 'file')} rejected" if files else ""
    print(
        f"{counted(len(results), 'file')}: {counted(total['loaded'], 'run')} loaded, "
        f"{counted(total['superseded'], 'row')} superseded, {total['quarantined']} rejected{no_files}; "
        f"{counted(warehouse.count(), 'run')} in {warehouse.path}"
    )


def rebuild(
    replace: Annotated[bool, typer.Option("--replace", help="Take the new one even if it is not the same.")] = False,
    wait: Wait = LOCK_TIMEOUT_S,
) -> None:
    """Rebuild the warehouse from the stored source files and verify that it is the same."""
    from carbon_pipeline.warehouse.rebuild import rebuild as rebuild_warehouse

    warehouse = open_warehouse(wait)
    with progress_bar() as progress:
        found = rebuild_warehouse(warehouse, replace=replace, progress=progress)
    for sentence in found.differences:
        say(sentence)
    if found.differences and not replace:
        fail("the rebuilt warehouse is not the same; the old one stays (--replace takes the new one)", FAILURE)
    outcome = "differs and has taken its place" if found.differences else "is the same"
    if found.is_first:
        outcome = "is the first one"
    print(f"rebuilt from {counted(found.files, 'file')}: {counted(found.runs, 'run')}; it {outcome}")


def import_(
    names: Annotated[list[str], typer.Argument(metavar="PATH...", help="CSV files of CodeCarbon, or folders of them.")],
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Time zone of the times in the files, such as Europe/Paris; default: UTC."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
    wait: Wait = LOCK_TIMEOUT_S,
) -> None:
    """Import CSV files of CodeCarbon into the warehouse. CodeCarbon writes local time without a zone."""
    from carbon_pipeline.warehouse.ingest.files import find_files

    if timezone is not None:
        _require_zone(timezone)

    if not all(map(str.strip, names)):
        raise InputError("a path is empty: name the files or folders")
    paths = list(map(Path, names))
    warehouse = open_warehouse(wait)
    found = find_files(paths, warehouse.data_dir)
    if not found.files:
        if reasons := [*found.rejected, *found.skipped]:
            raise InputError("; ".join(reasons))
        others = counted(found.others, "file") + " of other kinds"
        raise InputError(f"no CSV file of CodeCarbon in {', '.join(map(str, paths))}: {others}")
    with progress_bar() as progress:
        results = warehouse.import_csv(found.files, progress, timezone)
    if as_json:
        _print_import_as_json(found, results)
    else:
        _print_import(warehouse, found, results)
    total = _totals(results)
    if found.rejected:
        fail("; ".join(found.rejected), WRONG_INPUT)
    if total["read"] and total["quarantined"] == total["read"]:
        fail("all rows were rejected; nothing was imported", WRONG_INPUT)


class ReportCommand(TyperCommand):
    """Lists the reports below its help; they are looked up only if that is asked for."""

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]  # typer's own, by its public name
        """The help, and the name of each report with what it answers."""
        from carbon_pipeline.warehouse.schema import described_reports

        formatter = ctx.make_formatter()
        with formatter.section("Reports"):
            formatter.write_dl(list(described_reports().items()))
        return f"{super().get_help(ctx)}\n{formatter.getvalue()}"


def report(
    name: Annotated[str, typer.Argument(help="View of the schema `report`.")] = "runs",
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.table,
    limit: Annotated[int | None, typer.Option(min=1, help="Rows at most.")] = None,
    as_page: Annotated[bool, typer.Option("--html", help="Write the page that people look at in a browser.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where --html writes the page.")] = None,
) -> None:
    """Print a report, of those listed below."""
    if out is not None and not as_page:
        raise InputError("--out names the file of --html: add --html")
    if as_page:
        _write_page(out)
        return
    warehouse = open_loaded_warehouse()
    if name == "runs" and format is Format.table:
        limit = limit or MOST_RUNS
    rows = warehouse.report_rows(name, limit)
    if name == "runs" and limit is not None and limit < (every := warehouse.count()):
        say(f"the newest {limit:,} of {every:,} runs")
    if format is Format.json:
        print_json_rows(rows)
    elif format is Format.csv:
        write_utf8()
        write_csv(sys.stdout, [column["column_name"] for column in warehouse.columns("report", name)], rows)
    else:
        print_table(_brief(list(rows)) if name == "runs" else list(rows), f"report.{name}")


def _write_page(out: Path | None) -> None:
    from carbon_pipeline.report.page import write_page
    from carbon_pipeline.report.vega import bundle_path, require_extra

    require_extra()
    warehouse = open_loaded_warehouse()
    once = "" if bundle_path(warehouse.data_dir).exists() else "; what draws the charts is prepared first, once"
    say(f"adding up {counted(warehouse.count(), 'run')} for the page{once} ...")
    page = write_page(warehouse, out)
    print(f"{page.path}: {counted(page.runs, 'run')}, {page.bytes / 1e6:.1f} MB; open it in a browser")


def _require_zone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (OSError, KeyError, ValueError):  # not found, or no name of a zone at all
        raise InputError(f"--timezone {name}: there is no such time zone; name one such as Europe/Paris") from None


def open_warehouse(wait_s: float = LOCK_TIMEOUT_S) -> "Warehouse":
    """Open the warehouse of the settings in force. No file is opened yet."""
    from carbon_pipeline.warehouse.warehouse import Warehouse

    settings = read_settings()
    return Warehouse(settings.data_dir, timeout_s=wait_s, memory_limit=settings.memory_limit)


def open_loaded_warehouse() -> "Warehouse":
    """Open the warehouse for reading, with a line on stderr if something has not been loaded into it."""
    warehouse = open_warehouse()
    if pending := warehouse.pending():
        say(f"{counted(len(pending), 'file')} landed or in the inbox, and not loaded yet: carbon-pipeline load")
    return warehouse


def _print_import(warehouse: "Warehouse", found: "FoundFiles", results: "Sequence[FileResult]") -> None:
    last = {"file": f"in all, {counted(len(results), 'file')}", **_totals(results), "note": ""}
    print_table([*map(_row, results), last], "Imported")
    for flag, runs in _flags(results).most_common():
        print(f"  {runs:>9,} {flag}: {FLAGS.get(flag, '')}")
    _print_rejected(warehouse, results)
    for reason in found.skipped:
        say(f"skipped: {reason}")
    if found.others:
        say(f"skipped: {counted(found.others, 'other file')}, hidden or none of CodeCarbon's")


def _print_import_as_json(found: "FoundFiles", results: "Sequence[FileResult]") -> None:
    print_json({
        "files": [_row(result) | {"flags": result.flags} for result in results],
        "total": _totals(results),
        "flags": _flags(results),
        "rejected": found.rejected,
        "skipped": found.skipped,
        "others": found.others,
    })  # fmt: skip


def _flags(results: "Sequence[FileResult]") -> Counter[str]:
    flags = Counter[str]()
    for result in results:
        flags.update(result.flags)
    return flags


def _totals(results: "Sequence[FileResult]") -> dict[str, int]:
    names = ("read", "loaded", "superseded", "quarantined", "flagged")
    return {name: sum(getattr(result, f"rows_{name}") for result in results) for name in names}


def _row(result: "FileResult") -> dict[str, Any]:
    return {"file": result.source_file, **_totals([result]), "note": result.note}


def _print_rejected(warehouse: "Warehouse", results: "Sequence[FileResult]") -> None:
    rejected = sum(result.rows_quarantined for result in results)
    if not rejected:
        return
    rows = warehouse.quarantined([result.source_file for result in results], MOST_REJECTED)
    for row in rows:
        print(f"  rejected: {row['source_file']}, line {row['line']}: {printable(row['reason'])}")
    if rejected > len(rows):
        print(f"  ... and {rejected - len(rows):,} more: carbon-pipeline report quarantine")


def _brief(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {column: run[column] for column in RUN_COLUMNS} | {"run_id": run["run_id"][:RUN_ID_CHARACTERS]} for run in runs
    ]
