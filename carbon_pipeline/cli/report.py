"""The command report: a view of the warehouse as a table, or for other programs."""

import re
import sys
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from carbon_pipeline.cli.progress import working
from carbon_pipeline.cli.report_layouts import INTERVAL, LAYOUTS
from carbon_pipeline.cli.report_table import Column, columns_of, markdown_lines, table_lines, total_line
from carbon_pipeline.cli.terminal import counted, make_console, print_json_rows, safe_text, say, write_utf8
from carbon_pipeline.cli.warehouse import open_loaded_warehouse
from carbon_pipeline.common.csv_text import write_csv
from carbon_pipeline.common.period import parse_period
from carbon_pipeline.errors import InputError
from carbon_pipeline.warehouse.schema import described_reports

if TYPE_CHECKING:
    from carbon_pipeline.warehouse.selection import SelectedReport

MOST_ROWS = 50
"""Rows of a table, if --limit is not given."""


class Format(StrEnum):
    """How a report is printed."""

    table = "table"
    md = "md"
    csv = "csv"
    json = "json"


class ReportCommand(TyperCommand):
    """Lists the reports below its help; they are looked up only if that is asked for."""

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]  # typer's own, by its public name
        """The help, and the name of each report with what it answers."""
        formatter = ctx.make_formatter()
        with formatter.section("Reports"):
            formatter.write_dl(list(described_reports().items()))
        return f"{super().get_help(ctx)}\n{formatter.getvalue()}"


def report(
    name: Annotated[str, typer.Argument(help="Which report.")] = "runs",
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.table,
    project: Annotated[str | None, typer.Option(help="Only this project.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset, or what else was tracked by this name.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only from this day or time on, such as 2026-11-24.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only until this day, included, or before this time.")
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMNS", help="Sort by columns: largest first, text from A; else add :asc or :desc."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="COLUMNS", help="Only these columns, by their names in csv.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help=f"Rows at most; tables have {MOST_ROWS} by default.")] = None,
    as_page: Annotated[
        bool, typer.Option("--html", help="Write the page that people look at in a browser: of all runs, or --project.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where --html writes the page.")] = None,
) -> None:
    """Print a report, of those listed below: a table, or all columns and digits as csv or json.

    Filters that a report lacks the column for are applied to its runs, by their start. The last line of a table is the
    total of all rows that the filters leave, shown or not. Times are UTC.
    """
    from carbon_pipeline.warehouse.selection import Selection

    if out is not None and not as_page:
        raise InputError("--out names the file of --html: add --html")
    if as_page:
        others = {"--asset": asset, "--since": since, "--until": until, "--sort": sort, "--columns": columns,
                  "--limit": limit, "--format": None if format is Format.table else format,
                  name: None if name == "runs" else name}  # fmt: skip
        if given := [option for option, value in others.items() if value is not None]:
            raise InputError(
                f"--html does not go with {', '.join(given)}: the page has all reports, and its own filters"
            )
        _write_page(out, project)
        return
    is_table = format in (Format.table, Format.md)
    chosen, order, layout = _listed(columns, "--columns"), _listed(sort, "--sort"), LAYOUTS.get(name)
    if is_table and layout:
        order = order or list(layout.sort)
    wanted = Selection(
        project=project,
        asset=asset,
        since=None if since is None else _moment(since, "--since"),
        until=None if until is None else _moment(until, "--until", is_end=True),
        sort=order,
        columns=chosen,
        limit=limit or (MOST_ROWS if is_table else None),
    )
    selected = open_loaded_warehouse().select(name, wanted)
    if is_table:
        _print_table(selected, chosen, is_markdown=format is Format.md)
    elif format is Format.json:
        print_json_rows(selected.rows())
    else:
        write_utf8()
        write_csv(sys.stdout, selected.columns, selected.rows())


def _write_page(out: Path | None, project: str | None) -> None:
    from carbon_pipeline.report.page import write_page
    from carbon_pipeline.report.vega import bundle_path, require_extra

    require_extra()
    warehouse = open_loaded_warehouse()
    once = "" if bundle_path(warehouse.data_dir).exists() else "; what draws the charts is prepared first, once"
    say(f"adding up {counted(warehouse.count(), 'run')} for the page{once} ...")
    with working("making the page"):
        page = write_page(warehouse, out, project)
    print(f"{page.path}: {counted(page.runs, 'run')}, {page.bytes / 1e6:.1f} MB; open it in a browser")


def _print_table(selected: "SelectedReport", chosen: list[str], *, is_markdown: bool) -> None:
    layout = LAYOUTS[selected.name]
    names = chosen or list(layout.columns)
    needed = dict.fromkeys(column for name in names for column in name.split(INTERVAL))
    if "gpu_count" in selected.types:
        needed["gpu_count"] = None  # tells no GPU from an unknown one
    with working("adding up"):
        rows = list(selected.rows(list(needed)))
        totals = selected.totals(layout.sums)
    width = None if is_markdown else make_console().width
    if not rows:
        left = "" if selected.is_all else " that the filters leave"
        print(safe_text(f"report.{selected.name}: no rows{left} ({title_of(selected.name)})"))
        return
    columns = columns_of(rows, names, is_chosen=bool(chosen))
    if is_markdown:
        write_utf8()
        print("\n".join(markdown_lines(columns)), end="\n\n")
    else:
        _print_lines(columns, title_of(selected.name), is_chosen=bool(chosen))
    print(total_line(totals, layout, len(rows), width))
    if selected.has_whole_steps:
        say("steps that make several assets count whole here; `report asset_runs` has the share of each asset")


def title_of(name: str) -> str:
    """What a report answers, in short."""
    return re.split("[:;]", described_reports()[name])[0].removesuffix(".")


def _print_lines(columns: list[Column], title: str, *, is_chosen: bool) -> None:
    console = make_console()
    lines, omitted = table_lines(columns, console.width, is_chosen=is_chosen)
    style = {"no_wrap": True, "overflow": "ellipsis", "crop": True}
    console.print(title, style="dim", **style)  # type: ignore[arg-type]
    console.print(lines[0], style="bold", **style)  # type: ignore[arg-type]
    print("\n".join(lines[1:]))
    if omitted and is_chosen:
        say(f"too wide for {console.width} characters, so not shown: {', '.join(omitted)}")


def _listed(text: str | None, option: str) -> list[str]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if text is not None and not names:
        raise InputError(f"{option} is empty: name columns, separated by commas")
    return list(dict.fromkeys(names))


def _moment(text: str, option: str, *, is_end: bool = False) -> datetime:
    """A day or a time, UTC if it names no zone, or a longer period; as an end, days are included."""
    try:
        if period := parse_period(text):
            return datetime.combine(period[1] + timedelta(days=1) if is_end else period[0], time(), UTC)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        is_day = len(text) <= len("2026-11-24")
        return moment + timedelta(days=1) if is_end and is_day else moment
    except (ValueError, OverflowError):
        raise InputError(
            f"{option} {text}: write a day, time or period such as 2026-11-24, 2026-11-24T18:00, 2026-11 or 2026-W48"
        ) from None
