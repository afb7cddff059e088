"""The command line: a thin skin. Each command calls one function of the domain and prints what it returns."""

import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from carbon_pipeline.csv_text import csv_text
from carbon_pipeline.settings import read_settings, read_settings_leniently
from carbon_pipeline.tracking.record import FLAGS

if TYPE_CHECKING:
    from carbon_pipeline.boamps.context import ReportContext
    from carbon_pipeline.boamps.model import Report
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

RUN_ID_LETTERS = 8

WIDE = 200
"""Width of a table that does not go to a terminal."""

MOST_REFUSED = 10
"""Refused rows that an import prints."""

MOST_RUNS = 50
"""Runs that the table of `report runs` shows unless it is told otherwise."""

NARROWEST = 24
"""A column of a table is not made narrower than this, or than it is; if that does not fit, rows become lists."""

MOST_REASONS = 10
"""Reasons for which runs have no BoAmps report that are printed."""

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
    from carbon_pipeline.warehouse.inbox import SETTLED_S

    for sentence in refusals(results):
        _say(sentence)
    loaded, superseded, refused = (
        sum(getattr(result, f"rows_{what}") for result in results) for what in ("loaded", "superseded", "quarantined")
    )
    if fresh := warehouse.fresh():
        _say(
            f"left for the next load, since written to in the last {SETTLED_S:g} s: {', '.join(p.name for p in fresh)}"
        )
    print(
        f"{_count(len(results), 'file')}: {_count(loaded, 'run')} loaded, {_count(superseded, 'row')} superseded, "
        f"{refused} refused; {_count(warehouse.count(), 'run')} in {warehouse.path}"
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
    print(f"made again from {_count(found.files, 'file')}: {_count(found.runs, 'run')}; it {outcome}")


@app.command("import")
def import_(
    names: Annotated[list[str], typer.Argument(metavar="PATH...", help="CSV files of CodeCarbon, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Takes CSV files of CodeCarbon into the warehouse."""
    from carbon_pipeline.warehouse.csv_import import find_files

    if not all(map(str.strip, names)):
        raise ValueError("a path is empty: name the files or folders")
    paths = list(map(Path, names))
    warehouse = _warehouse()
    found = find_files(paths, warehouse.data_dir)
    if not found.files:
        if reasons := [*found.refused, *found.left_out]:
            raise ValueError("; ".join(reasons))
        others = _count(found.others, "file") + " of other kinds"
        raise ValueError(f"no CSV file of CodeCarbon in {', '.join(map(str, paths))}: {others}")
    with _progress() as progress:
        results = warehouse.import_csv(found.files, progress)
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
        _print_table([*rows, {"file": f"in all, {_count(len(rows), 'file')}", **total, "note": ""}], "Imported")
        for flag, count in flags.most_common():
            print(f"  {count:>9,} {flag}: {FLAGS[flag]}")
        if total["quarantined"]:
            refused = warehouse.quarantined([result.source_file for result in results], MOST_REFUSED)
            for row in refused:
                print(f"  refused: {row['source_file']}, line {row['line']}: {_printable(row['reason'])}")
            if total["quarantined"] > len(refused):
                print(f"  ... and {total['quarantined'] - len(refused):,} more: carbon-pipeline report quarantine")
        for reason in found.left_out:
            _say(f"left out: {reason}")
        if found.others:
            _say(f"left out: {_count(found.others, 'other file')}, hidden or none of CodeCarbon's")
    if found.refused:
        _fail("; ".join(found.refused), WRONG_INPUT)
    if total["read"] and total["quarantined"] == total["read"]:
        _fail("all rows were refused; nothing was imported", WRONG_INPUT)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Any program, with its arguments.")],
    name: Annotated[str | None, typer.Option(help="What is tracked; default the program's name.")] = None,
    project: Annotated[
        str | None, typer.Option(help="Project; default CARBON_PROJECT_NAME, else carbon_pipeline.")
    ] = None,
) -> None:
    """Runs any command under tracking, its children included; its exit status is ours."""
    from carbon_pipeline.tracking.command import run_command
    from carbon_pipeline.tracking.metadata import summary

    settings, problems = read_settings_leniently(project_name=project)
    done = run_command(command, settings, problems, name=name)
    if done.record:
        _say(f"carbon-pipeline: {summary(done.record).replace('**', '')}; run {done.record.run_id}")
    else:
        _say("carbon-pipeline: what was measured could not be kept; see above")
    sys.exit(done.status)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="View of the schema `report`.")] = "runs",
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.table,
    limit: Annotated[int | None, typer.Option(min=1, help="Rows at most.")] = None,
) -> None:
    """Prints a report: runs, daily, by_project, by_asset, by_country, by_hardware, by_method, quarantine, ..."""
    warehouse = _loaded()
    if name == "runs":
        every = sorted(warehouse.report(name), key=lambda run: (run["started_at"], run["run_id"]), reverse=True)
        limit = MOST_RUNS if limit is None and format is Format.table else limit
        rows = every[:limit]
        if len(rows) < len(every):
            _say(f"the newest {len(rows)} of {len(every)} runs")
    elif name == "daily" and limit is not None:
        rows = warehouse.report(name)[-limit:]
    else:
        rows = warehouse.report(name, limit)
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

    _require_file(out)
    runs = sorted(_loaded().report("runs"), key=lambda run: (run["started_at"], run["run_id"]))
    text = to_csv(map(field_record, runs))
    if out is None:
        print(text, end="")
    else:
        write_whole(out, text)
        print(f"{_count(len(runs), 'run')} written to {out}")


@export.command("boamps")
def export_boamps(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: reports/boamps in the data folder.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="One run only, by its run_id.")] = None,
) -> None:
    """Writes BoAmps reports, one JSON file for each run; of all runs also one table as CSV and Parquet."""
    from carbon_pipeline.boamps.export import FOLDER, export_all, export_reports

    if out is not None:
        out = out.resolve()
        if out.exists() and not out.is_dir():
            raise ValueError(f"{out} is no folder; name one")
        if out == out.parent:
            raise ValueError(f"{out}: a folder with a name is needed, since files come beside it")
    warehouse, context = _loaded(), _report_context()
    folder = out or warehouse.data_dir / FOLDER
    with _counting("runs") as done:
        if run is None:
            exported = export_all(warehouse.machine_reports(), context, folder, warehouse.write_parquet, done)
        else:
            exported = export_reports(warehouse.machine_reports(warehouse.run(run)["run_id"]), context, folder)
    print(
        f"{_count(exported.reports, 'report')} in {folder}: "
        f"{exported.written} written, {exported.unchanged} unchanged, {exported.removed} removed"
    )
    if exported.tables:
        print(f"all of them in one table: {' and '.join(map(str, exported.tables))}")
    if exported.incomplete:
        _say("no report can be made now of")
        for reason, runs in list(exported.reasons.items())[:MOST_REASONS]:
            _say(f"  {_count(runs, 'run')}: {reason}")
        if exported.left:
            _say(f"{_count(exported.left, 'older report')} stay: only what was told is missing now")
        if run is None:
            _say(f"all of them, with their projects: {folder.with_name(f'{folder.name}_incomplete.csv')}")
        _say(f"what is missing can be told in {read_settings().report_context}; docs/boamps.md says how")
    if run is not None and exported.incomplete:
        sys.exit(FAILURE)


@export.command("form")
def export_form(
    run: Annotated[str, typer.Option(help="The run, by its run_id.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Writes one report as the text form of BoAmps' bash tool, filled in."""
    from carbon_pipeline.boamps.form import form
    from carbon_pipeline.files import write_whole

    _require_file(out)
    text = form(_one_report(run))
    if out is None:
        print(text, end="")
    else:
        write_whole(out, text)
        print(f"written to {out}")


@export.command("model-card")
def export_model_card(run: Annotated[str, typer.Option(help="The run, by its run_id.")]) -> None:
    """Prints the block co2_eq_emissions of a Hugging Face model card."""
    from carbon_pipeline.boamps.other_formats import model_card

    row = _loaded().run(run)
    task = _report_context().of(row["project_name"], json.loads(row["task"] or "{}")).get("task") or {}
    print(model_card(row, task.get("taskStage")), end="")


@export.command("sci")
def export_sci(
    run: Annotated[str, typer.Option(help="The run, by its run_id.")],
    unit: Annotated[str, typer.Option(help="What the score is for one of, such as `training run` or `1000 requests`.")],
    units: Annotated[float, typer.Option(help="How many of them the run has done.")] = 1.0,
) -> None:
    """Prints the SCI score of a run (ISO/IEC 21031:2024), in gCO2eq for each functional unit."""
    from carbon_pipeline.boamps.other_formats import sci

    settings = read_settings()
    score = sci(_loaded().run(run), unit, units, settings.embodied_kg, settings.lifetime_years)
    _print_json(score._asdict())


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(help="BoAmps reports, JSON files or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Holds BoAmps reports, anybody's, against the rules of the schemas and of plausibility."""
    from carbon_pipeline.boamps.plausibility import examine_file

    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder")
        found = sorted(path.rglob("[!.]*.json")) if path.is_dir() else [path]
        if not found:
            raise ValueError(f"{path}: there is no JSON file in this folder")
        files += found
    faults = {str(path): examine_file(path) for path in files}
    if as_json:
        _print_json({name: [violation.model_dump() for violation in found] for name, found in faults.items()})
    else:
        for name, violations in faults.items():
            for violation in violations:
                print(_printable(f"{name}: {violation}"))
    broken = sum(map(bool, faults.values()))
    if broken:
        _fail(f"{broken} of {len(files)} reports are not valid", WRONG_INPUT)
    if not as_json:
        print(f"{len(files)} {'report is' if len(files) == 1 else 'reports are'} valid and plausible")


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
    ours = itertools.takewhile(lambda argument: argument.startswith("-"), sys.argv[1:])
    debug = "--debug" in ours  # behind a command's name it may be that command's own
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
    if sys.stderr is None:  # closed: print would take standard output
        return
    print(_printable(" ".join(message.split())), file=sys.stderr)


def _printable(text: str) -> str:
    """Text from outside without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


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


@contextmanager
def _counting(what: str) -> "Iterator[Callable[[int], None]]":
    """A number that grows on a terminal; elsewhere a line on stderr every few seconds."""
    began = said = time.monotonic()

    def show(done: int) -> None:
        nonlocal said
        now = time.monotonic()
        rate = f"{done:,} {what}, {done / max(now - began, 1e-3):,.0f} {what}/s"
        if sys.stderr.isatty():
            print(f"\r{rate} ", end="", file=sys.stderr, flush=True)
        elif now - said >= LOG_S:
            said = now
            _say(rate)

    try:
        yield show
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _require_file(out: Path | None) -> None:
    if out is not None and out.is_dir():
        raise ValueError(f"{out} is a folder; name a file")
    if out is not None and not out.parent.is_dir():
        raise ValueError(f"{out.parent}: there is no such folder")


def _report_context() -> "ReportContext":
    from carbon_pipeline.boamps.context import read_context

    settings = read_settings()
    return read_context(settings.report_context, is_required="report_context" in settings.model_fields_set)


def _one_report(run: str) -> "Report":
    from carbon_pipeline.boamps.export import one_report

    warehouse = _warehouse()
    (found,) = warehouse.machine_reports(warehouse.run(run)["run_id"])
    report, incomplete = one_report(found, _report_context())
    if report is None:
        raise ValueError(f"run {found.run_id} has no report; {incomplete.reason if incomplete else ''}")
    return report


def _warehouse() -> "Warehouse":
    from carbon_pipeline.warehouse.warehouse import Warehouse

    return Warehouse(read_settings().data_dir, timeout_s=10)


def _loaded() -> "Warehouse":
    """The warehouse for those who only read it; says so if there is something that it does not hold."""
    warehouse = _warehouse()
    if pending := warehouse.pending():
        _say(f"{_count(len(pending), 'file')} landed or in the inbox, and not loaded yet: carbon-pipeline load")
    return warehouse


def _brief(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {column: run[column] for column in RUN_COLUMNS} | {"run_id": run["run_id"][:RUN_ID_LETTERS]} for run in runs
    ]


def _print_json(value: object) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
    print(text.encode(errors="backslashreplace").decode())


def _print_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    if not rows:
        print(f"{title}: no rows")
        return
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS") or WIDE)
    console = Console(markup=False, highlight=False, width=width)
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    widths = {name: max(len(name), *(len(_shown(row[name])) for row in rows)) for name in columns}
    if sum(min(natural, NARROWEST) + 3 for natural in widths.values()) + 1 > console.width:
        _print_lists(rows, columns, title)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in columns:
        number = all(row[name] is None or isinstance(row[name], int | float) for row in rows)
        fits = widths[name] <= NARROWEST
        table.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=fits)
    for row in rows:
        table.add_row(*(_shown(row[name]) for name in columns))
    console.print(table)


def _print_lists(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> None:
    """Rows that are too wide for a table: one line for each value."""
    print(title)
    for row in rows:
        print()
        for name in columns:
            if row[name] not in (None, ""):
                print(f"  {name:<{max(map(len, columns))}}  {_shown(row[name])}")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return _printable(", ".join(map(str, value)) if isinstance(value, list) else str(value))
