"""Commands that load, import, rebuild and query the warehouse."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon_pipeline.cli.errors import fail
from carbon_pipeline.cli.progress import progress_bar
from carbon_pipeline.cli.report_table import columns_of, table_lines
from carbon_pipeline.cli.terminal import counted, make_console, print_json, print_wrapped, printable, say
from carbon_pipeline.common.files import printable_path
from carbon_pipeline.errors import FAILURE, WRONG_INPUT, InputError
from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.settings import read_settings

if TYPE_CHECKING:
    from carbon_pipeline.warehouse.ingest.files import FoundFiles
    from carbon_pipeline.warehouse.ingest.load import FileResult
    from carbon_pipeline.warehouse.warehouse import Warehouse

MOST_REJECTED = 10
"""Rejected rows that an import prints."""

LOCK_TIMEOUT_S = 10.0
"""How long a command waits for another writer, seconds."""

Wait = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for another writer.")]


def load(wait: Wait = LOCK_TIMEOUT_S) -> None:
    """Load the records that have landed, and the files in the inbox, into the warehouse."""
    from carbon_pipeline.tracking.landing import passed_over
    from carbon_pipeline.warehouse.ingest.files import SETTLED_S
    from carbon_pipeline.warehouse.ingest.load import rejections

    warehouse = open_warehouse(wait)
    with progress_bar() as progress:
        results = warehouse.load(progress)
    if warehouse.fetched:
        objects, records = warehouse.fetched
        news = (
            f"{counted(records, 'new record')} in {counted(objects, 'object')} fetched from"
            if objects
            else "nothing new in"
        )
        say(f"{news} {warehouse.landing_url}")
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
    if warehouse.store_error:
        fail(warehouse.store_error, FAILURE)


def download() -> None:
    """Get the reports that were published to the object store of CARBON_LANDING_URL last, for reading here."""
    from carbon_pipeline.common.object_store import ObjectStore
    from carbon_pipeline.warehouse.remote import download as download_reports

    warehouse = open_warehouse()
    if warehouse.landing_url is None:
        raise InputError("CARBON_LANDING_URL names no object store to download from")
    if warehouse.path.exists():
        raise InputError(
            f"{warehouse.path} is a warehouse of its own, whose reports would be replaced: set CARBON_DATA_DIR to "
            "another folder"
        )
    publication = download_reports(ObjectStore(warehouse.landing_url), warehouse.reports_path)
    print(
        f"{counted(warehouse.count(), 'run')} of {counted(len(publication.days), 'day')} in {warehouse.reports_path}, "
        f"published by {publication.loader} at {publication.published_at:%Y-%m-%d %H:%M} UTC"
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
    return Warehouse(
        settings.data_dir, timeout_s=wait_s, memory_limit=settings.memory_limit, landing_url=settings.landing_url
    )


def open_loaded_warehouse() -> "Warehouse":
    """Open the warehouse for reading, with a line on stderr if something has not been loaded into it."""
    warehouse = open_warehouse()
    if pending := warehouse.pending():
        say(f"{counted(len(pending), 'file')} landed or in the inbox, and not loaded yet: carbon-pipeline load")
    return warehouse


def _print_import(warehouse: "Warehouse", found: "FoundFiles", results: "Sequence[FileResult]") -> None:
    last = {"file": f"in all, {counted(len(results), 'file')}", **_totals(results), "note": ""}
    rows = [*map(_row, results), last]
    print("\n".join(table_lines(columns_of(rows, list(last)), make_console().width)[0]))
    if results and all(result.rows_superseded == result.rows_read > 0 for result in results):
        print("nothing new: what these files say was in the warehouse before")
    for flag, runs in _flags(results).most_common():
        print(f"  {runs:>9,} {flag}: {FLAGS.get(flag, '')}")
    _print_methods(warehouse, results)
    _print_rejected(warehouse, results)
    for reason in found.skipped:
        say(f"skipped: {reason}")
    if found.others:
        say(f"skipped: {counted(found.others, 'other file')}, hidden or none of CodeCarbon's")


def _print_methods(warehouse: "Warehouse", results: "Sequence[FileResult]") -> None:
    """How the CPU's energy of the imported runs was obtained, as far as their rows give it away."""
    from carbon_pipeline.warehouse import sql

    files = [result.source_file for result in results if result.rows_loaded]
    rows = warehouse.rows(sql.statement("queries", "methods_of_files"), {"files": files}) if files else []
    if rows:
        said = ", ".join(f"{row['cpu_method']} ({row['runs']:,})" for row in rows)
        print_wrapped(
            f"how the CPU's energy was obtained, inferred from the rows: {said}; `report runs --columns "
            "run_id,cpu_method,method_reason` shows why"
        )


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
