"""The command line: a thin skin. Each command calls one function of the domain and prints what it returns."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from carbon_pipeline.csv_text import csv_text
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.record import FLAGS

if TYPE_CHECKING:
    from carbon_pipeline.warehouse.progress import Progress
    from carbon_pipeline.warehouse.warehouse import Warehouse

app = typer.Typer(
    help="What training costs in energy and carbon: measured, kept, reported.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
export = typer.Typer(help="Writes the runs in other formats.", no_args_is_help=True)
app.add_typer(export, name="export")

FAILURE, WRONG_INPUT = 1, 2
INTERRUPTED = 130
"""What typer returns after a Ctrl-C."""

RUN_COLUMNS = (
    "run_id",
    "started_at",
    "project_name",
    "duration_s",
    "energy_kwh",
    "energy_low_kwh",
    "energy_high_kwh",
    "emissions_kg",
    "quality",
    "cpu_method",
    "flags",
)
"""The columns of `runs` that fit a terminal; csv and json print all of them."""

RUN_ID_LETTERS = 8

WIDE = 200
"""Width of a table that does not go to a terminal."""

MOST_FILES = 50
"""Files that an import lists one by one; of more, those with refused rows."""

LOG_S = 5.0
"""How often an import says how far it has come, where there is no terminal for a bar."""


class Format(StrEnum):
    """How a report is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("carbon-pipeline"))
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_print_version)] = False,
) -> None:
    """What training costs in energy and carbon: measured, kept, reported."""  # `main` reads --debug


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Says what would be measured here and how."""
    from carbon_pipeline.doctor import examine

    findings = [finding.model_dump() for finding in examine(read_settings())]
    if as_json:
        _print_json(findings)
    else:
        _print_table(findings, "What would be measured here, and how")


@app.command()
def baseline(
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="How long; default CARBON_BASELINE_S, else 60, as MLPerf Power.")
    ] = None,
) -> None:
    """Measures the idle machine; later runs on this host say what they used above it. Leave the machine alone."""
    from carbon_pipeline.tracking.baseline import measure_baseline
    from carbon_pipeline.tracking.record import SHORTEST_BASELINE_S

    settings = read_settings(baseline_s=seconds)
    _say(f"measuring the idle machine for {settings.baseline_s:g} s ...")
    found = measure_baseline(settings)
    methods = "cpu={}, gpu={}, ram={}".format(*found.methods)
    print(f"{found.host} draws {found.power_w:.2f} W when idle ({found.duration_s:.1f} s, {methods})")
    if found.duration_s < SHORTEST_BASELINE_S:
        _say(f"less than {SHORTEST_BASELINE_S:g} s: later runs are flagged short_baseline")
    if found.is_busy:
        _say(f"the CPUs were busy for {found.load or 0:.0%} of the time: later runs are flagged busy_baseline")


@app.command()
def load() -> None:
    """Loads the records that have landed, and the files in the inbox, into the warehouse."""
    warehouse = _warehouse()
    with _progress() as progress:
        results = warehouse.load(progress)
    from carbon_pipeline.warehouse.batch import refusals

    for sentence in refusals(results):
        _say(sentence)
    loaded, superseded, refused = (
        sum(getattr(result, f"rows_{what}") for result in results) for what in ("loaded", "superseded", "quarantined")
    )
    print(
        f"{len(results)} files: {loaded} runs loaded, {superseded} rows superseded, {refused} refused; "
        f"{warehouse.count()} runs in {warehouse.path}"
    )


@app.command()
def rebuild(
    replace: Annotated[bool, typer.Option("--replace", help="Take the new one even if it is not the same.")] = False,
) -> None:
    """Makes the warehouse again from landing and inbox, and says whether it is the same."""
    from carbon_pipeline.warehouse.rebuild import rebuild as rebuild_warehouse

    warehouse = _warehouse()
    with _progress() as progress:
        found = rebuild_warehouse(warehouse, replace=replace, progress=progress)
    for sentence in found.differences:
        _say(sentence)
    if found.differences and not replace:
        _fail("the warehouse made again is not the same; the old one stays (--replace takes the new one)", FAILURE)
    outcome = "differs and has taken its place" if found.differences else "is the same"
    if found.is_first:
        outcome = "is the first one"
    print(f"made again from {found.files} files: {found.runs} runs; it {outcome}")


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="CSV files of CodeCarbon, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Takes CSV files of CodeCarbon into the warehouse."""
    from carbon_pipeline.warehouse.csv_import import find_files

    found = find_files(paths)
    if not found.files:
        reasons = [*found.refused, *found.left_out] or [f"{found.others} files of other kinds"]
        raise ValueError(f"no CSV file of CodeCarbon in {', '.join(map(str, paths))}: " + "; ".join(reasons))
    with _progress() as progress:
        results = _warehouse().import_csv(found.files, progress)
    rows: list[dict[str, Any]] = [
        {
            "file": result.source_file,
            "read": result.rows_read,
            "loaded": result.rows_loaded,
            "superseded": result.rows_superseded,
            "quarantined": result.rows_quarantined,
            "flagged": result.rows_flagged,
            "note": result.note,
        }
        for result in results
    ]
    counts = ("read", "loaded", "superseded", "quarantined", "flagged")
    total = {name: sum(row[name] for row in rows) for name in counts}
    flags = Counter[str]()
    for result in results:
        flags.update(result.flags)
    if as_json:
        _print_json({
            "files": [row | {"flags": result.flags} for row, result in zip(rows, results, strict=True)],
            "total": total,
            "flags": flags,
            "refused": found.refused,
            "left_out": found.left_out,
            "others": found.others,
        })  # fmt: skip
    else:
        shown = rows if len(rows) <= MOST_FILES else [row for row in rows if row["quarantined"]][:MOST_FILES]
        _print_table([*shown, {"file": f"in all, {len(rows)} files", **total, "note": ""}], "Imported")
        for flag, count in flags.most_common():
            print(f"  {count:>9,} {flag}: {FLAGS[flag]}")
        if total["quarantined"]:
            print("  What was refused, where and why: FROM raw.quarantine (file, line, reason, content)")
        for reason in found.left_out:
            _say(f"left out: {reason}")
        if found.others:
            _say(f"left out: {found.others} other files, hidden or not named like CodeCarbon's")
    if found.refused:
        _fail("; ".join(found.refused), WRONG_INPUT)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="View of the schema `report`.")] = "runs",
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.table,
    limit: Annotated[int | None, typer.Option(min=1, help="Rows at most.")] = None,
) -> None:
    """Prints a report: runs (newest first), daily, by_project, by_country, by_hardware, by_method, field_mapping."""
    rows = _warehouse().report(name, None if name == "runs" else limit)
    if name == "runs":
        rows = sorted(rows, key=lambda run: run["started_at"], reverse=True)[:limit]
    if format is Format.json:
        _print_json(rows)
    elif format is Format.csv:
        print(csv_text(list(rows[0]), rows) if rows else "", end="")
    else:
        _print_table(_brief(rows) if name == "runs" else rows, f"report.{name}")


@export.command("csv")
def export_csv(
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Writes the 33 fields, one row per run."""
    from carbon_pipeline.boamps.fields import field_record, to_csv
    from carbon_pipeline.files import write_whole

    if out is not None and out.is_dir():
        raise ValueError(f"{out} is a folder; name a file")
    text = to_csv(field_record(run) for run in _warehouse().report("runs"))
    if out is None:
        print(text, end="")
    else:
        write_whole(out, text)
        print(f"{text.count(chr(10)) - 1} runs written to {out}")


@app.command()
def materialize() -> None:
    """Runs the whole pipeline once: probe, train under tracking, record, load, report."""
    from carbon_pipeline.once import run_pipeline_once

    summary = run_pipeline_once()
    _print_table(summary.measured, summary.title)
    if summary.doubtful:
        print("Doubtful in these numbers:")
        for sentence in summary.doubtful:
            print(f"  {sentence}")
    print("What it made:")
    for what, path in summary.made.items():
        print(f"  {what:<35}{path}")
    print("Next: `make ui` shows the assets, `.venv/bin/carbon-pipeline report` the runs.")


def main() -> NoReturn:
    """Runs the command line. Errors are one line on stderr; exit status 2 for wrong usage or input, 1 for a failure."""
    debug = "--debug" in sys.argv
    try:
        if app(standalone_mode=False) == INTERRUPTED:
            _fail("interrupted", FAILURE)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except typer.Abort:
        _fail("interrupted", FAILURE)
    except KeyboardInterrupt:
        _fail("interrupted", FAILURE)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer has printed the help, and keeps this class to itself
            sys.exit(WRONG_INPUT)
        if debug:
            raise
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        if message == "Query interrupted":  # how DuckDB hands on a Ctrl-C
            _fail("interrupted", FAILURE)
        wrong_input = (
            isinstance(error, ValueError | FileNotFoundError) or getattr(error, "exit_code", None) == WRONG_INPUT
        )
        _fail(message or type(error).__name__, WRONG_INPUT if wrong_input else FAILURE)
    sys.exit(0)


def _fail(message: str, status: int) -> NoReturn:
    _say(f"carbon-pipeline: {message}")
    sys.exit(status)


def _say(message: str) -> None:
    print(" ".join(message.split()), file=sys.stderr)


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar with rows and rate on a terminal; elsewhere a line on stderr every few seconds."""
    from carbon_pipeline.warehouse.progress import Progress

    if not sys.stderr.isatty():
        yield Progress(_LogLines())
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading ...", total=None)

        def show(progress: "Progress") -> None:
            total = progress.total_bytes or None
            bar.update(task, description=_rate(progress), completed=progress.done_bytes, total=total)

        yield Progress(show)


class _LogLines:
    """Prints a line every `LOG_S` seconds."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, progress: "Progress") -> None:
        if time.monotonic() - self._said >= LOG_S:
            self._said = time.monotonic()
            _say(_rate(progress))


def _rate(progress: "Progress") -> str:
    if not progress.rows:
        return "looking at the files and copying them"
    return f"{progress.rows:,} rows, {progress.rows / max(progress.seconds, 1e-3):,.0f} rows/s"


def _warehouse() -> "Warehouse":
    from carbon_pipeline.warehouse.warehouse import Warehouse

    return Warehouse(read_settings().data_dir, timeout_s=10)


def _brief(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {column: run[column] for column in RUN_COLUMNS} | {"run_id": run["run_id"][:RUN_ID_LETTERS]} for run in runs
    ]


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def _print_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    if not rows:
        print(f"{title}: no rows")
        return
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else WIDE)
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in columns:
        number = all(row[name] is None or isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(row[name]) for name in columns))
    console.print(table)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
