"""Commands that write runs in other formats, and the one that validates BoAmps reports."""

import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon_pipeline.cli.errors import fail
from carbon_pipeline.cli.progress import counting, progress_bar, working
from carbon_pipeline.cli.terminal import counted, is_terminal, print_json, printable, say, write_utf8
from carbon_pipeline.cli.warehouse import open_loaded_warehouse, open_warehouse
from carbon_pipeline.errors import FAILURE, WRONG_INPUT, InputError
from carbon_pipeline.settings import read_settings

if TYPE_CHECKING:
    from carbon_pipeline.boamps.context import ReportContext
    from carbon_pipeline.boamps.export import Exported
    from carbon_pipeline.boamps.model import Report

export = typer.Typer(help="Write the runs in other formats.", no_args_is_help=True)

MOST_REASONS = 10
"""Reasons for which runs have no BoAmps report that are printed."""


@export.command("csv")
def export_csv(
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write the 33 fields, one row per run; a task whose run is known counts there."""
    from carbon_pipeline.model.fields import FIELD_NAMES, field_record

    warehouse = open_loaded_warehouse()
    _write_runs(out, FIELD_NAMES, map(field_record, warehouse.counted_runs()), warehouse.count())


@export.command("codecarbon")
def export_codecarbon(
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write the runs in CodeCarbon's own layout, for programs that read its emissions.csv; times are UTC. A task
    whose run is known counts there.
    """
    warehouse = open_loaded_warehouse()
    rows = warehouse.codecarbon_layout()
    first = next(rows, None)
    if first is None:
        raise InputError("there is no run in the warehouse yet")
    _write_runs(out, list(first), itertools.chain([first], rows), warehouse.count())


def _write_runs(out: Path | None, names: Sequence[str], rows: Iterable[Mapping[str, Any]], total: int) -> None:
    """Write CSV to a file, or to standard output, row by row. `total` is the number of runs."""
    from carbon_pipeline.common.csv_text import write_csv
    from carbon_pipeline.common.files import replacing

    _require_file(out)
    if out is None:
        write_utf8()
        rows = iter(rows)
        first = list(itertools.islice(rows, 1))  # if nothing can be read, nothing is written
        rows = itertools.chain(first, rows)
        write_csv(sys.stdout, names, rows if is_terminal(sys.stdout) else counting(rows, total, "runs"))
        return
    with replacing(out) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        count = write_csv(file, names, counting(rows, total, "runs"))
    print(f"{counted(count, 'run')} written to {out}")


@export.command("boamps")
def export_boamps(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: reports/boamps in the data folder.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="One run only, by its run_id.")] = None,
    wait: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="How long to wait for another export; default 600.")
    ] = None,
) -> None:
    """Write BoAmps reports, one JSON file per run; of all runs also one table as CSV and Parquet."""
    from carbon_pipeline.boamps.export import FOLDER, LOCK_S, export_all, export_reports
    from carbon_pipeline.boamps.machine_report import machine_reports

    if out is not None:
        out = out.resolve()
        if out.exists() and not out.is_dir():
            raise InputError(f"{out} is not a folder; name one")
        if out == out.parent:
            raise InputError(f"{out}: a folder with a name is needed, since files are written beside it")
    warehouse, context = open_loaded_warehouse(), _user_context()
    folder = out or warehouse.data_dir / FOLDER
    with progress_bar("runs", "reading the runs") as progress:
        if run is None:
            progress.total = warehouse.count()
            wait_s = LOCK_S if wait is None else wait

            def add(done: int) -> None:
                progress.add(done - progress.rows, done - progress.rows)

            exported = export_all(warehouse, context, folder, add, wait_s)
        else:
            exported = export_reports(machine_reports(warehouse, warehouse.run(run)["run_id"]), context, folder)
    if run is None or exported.reports:
        print(
            f"{counted(exported.reports, 'report')} in {folder}: "
            f"{exported.written} written, {exported.unchanged} unchanged, {exported.removed} removed"
        )
    if exported.tables:
        print(f"all of them in one table: {' and '.join(map(str, exported.tables))}")
    if exported.incomplete:
        _say_incomplete(exported, every_run=run is None)
    if run is not None and exported.incomplete:
        sys.exit(FAILURE)


@export.command("form")
def export_form(
    run: Annotated[str, typer.Option(help="The run, by its run_id.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write one report as the text form of BoAmps' bash tool, filled in."""
    from carbon_pipeline.boamps.form import form
    from carbon_pipeline.common.files import write_text

    _require_file(out)
    text = form(_one_report(run))
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
        print(f"written to {out}")


@export.command("model-card")
def export_model_card(run: Annotated[str, typer.Option(help="The run, by its run_id.")]) -> None:
    """Print the block co2_eq_emissions of a Hugging Face model card."""
    from carbon_pipeline.boamps.other_formats import model_card

    row = open_loaded_warehouse().run(run)
    task = _user_context().of(row["project_name"], json.loads(row["task"] or "{}")).get("task") or {}
    print(model_card(row, task.get("taskStage")), end="")


@export.command("sci")
def export_sci(
    run: Annotated[str, typer.Option(help="The run, by its run_id.")],
    unit: Annotated[str, typer.Option(help="What the score is for one of, such as `training run` or `1000 requests`.")],
    units: Annotated[float, typer.Option(help="How many of them the run did.")] = 1.0,
) -> None:
    """Print the SCI score of a run (ISO/IEC 21031:2024), in gCO2eq for each functional unit."""
    from carbon_pipeline.boamps.other_formats import sci

    settings = read_settings()
    score = sci(open_loaded_warehouse().run(run), unit, units, settings.embodied_kg, settings.lifetime_years)
    print_json(score._asdict())


def validate(
    paths: Annotated[list[Path], typer.Argument(help="BoAmps reports, JSON files or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Validate BoAmps reports of any origin against the schemas' rules and for plausibility."""
    from carbon_pipeline.boamps.plausibility import examine_file

    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        found = sorted(path.rglob("[!.]*.json")) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path}: this folder contains no JSON file")
        files += found
    with working(f"validating {counted(len(files), 'file')}"):
        faults = {str(path): examine_file(path) for path in files}
    if as_json:
        print_json({name: [violation.model_dump() for violation in found] for name, found in faults.items()})
    else:
        for name, violations in faults.items():
            for violation in violations:
                print(printable(f"{name}: {violation}"))
    broken = sum(map(bool, faults.values()))
    if broken:
        fail(f"{broken} of {len(files)} reports are not valid", WRONG_INPUT)
    if not as_json:
        print(f"{len(files)} {'report is' if len(files) == 1 else 'reports are'} valid and plausible")


def _say_incomplete(exported: "Exported", every_run: bool) -> None:
    from carbon_pipeline.boamps.export import beside

    say("no report could be made of these runs:")
    for reason, runs in list(exported.reasons.items())[:MOST_REASONS]:
        say(f"  {counted(runs, 'run')}: {reason}")
    if exported.kept:
        say(f"{counted(exported.kept, 'older report')} stay: only user-provided context is missing now")
    if every_run:
        say(f"all of them, with their projects: {beside(exported.folder, '_incomplete.csv')}")
    say(f"add what is missing to {read_settings().report_context}; docs/boamps.md shows how")


def _require_file(out: Path | None) -> None:
    if out is not None and out.is_dir():
        raise InputError(f"{out} is a folder; name a file")
    if out is not None and not out.parent.is_dir():
        raise InputError(f"{out.parent}: no such folder")


def _user_context() -> "ReportContext":
    from carbon_pipeline.boamps.context import read_configured_context

    return read_configured_context(read_settings())


def _one_report(run: str) -> "Report":
    from carbon_pipeline.boamps.export import one_report
    from carbon_pipeline.boamps.machine_report import machine_reports

    warehouse = open_warehouse()
    (found,) = machine_reports(warehouse, warehouse.run(run)["run_id"])
    report, incomplete = one_report(found, _user_context())
    if report is None:
        raise InputError(f"run {found.run_id} has no report; {incomplete.reason if incomplete else ''}")
    return report
