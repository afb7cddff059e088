"""A report as a table: a line for each row, as many columns as fit, the unit of a column in its head."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size

from carbon_pipeline.cli.report_layouts import INTERVAL, Layout
from carbon_pipeline.cli.terminal import can_show, counted, safe_text
from carbon_pipeline.model.amounts import UNITS, UNKNOWN, Unit, amount, ends, interval, number, unit_beside, unit_of

RUN_ID_CHARACTERS = 8
"""So much of a run ID is nearly always unique."""

GAP = "  "

NARROWEST_TEXT = 14
"""To so many characters text is cut before a column is omitted."""

NARROWEST_CHOSEN = 4
"""The same for columns that the user has named."""

CLOSE_S = 120
"""Times that are closer than this are shown with seconds."""

NONE = "-"

_UNITS = {"_g_per_kwh": "gCO2eq/kWh", "_kwh": "kWh", "_kg": "kg CO2eq", "_s": "s", "_w": "W", "_l": "l", "_gb": "GiB"}
_NO_AMOUNT = re.compile(r"_(l|kg)_per_(kwh|s)$")
_SHARE = re.compile(r"(^|_)share(_|$)")
_ID = re.compile(r"(^|_)(run|experiment)_id$")

GROUPS = {
    "project_name", "name", "country_name", "country_iso_code", "region", "cpu_model", "cpu_count", "gpu_model",
    "gpu_count", "ram_gb", "cpu_method", "gpu_method", "ram_method", "tracking_mode", "os",
}  # fmt: skip
"""Columns of which an empty cell is a group of what is not known."""

HEADS = {
    "run_id": "run", "started_at": "started", "at": "time", "loaded_at": "loaded", "last_ended_at": "last end",
    "project_name": "project", "run_name": "tracked", "country_name": "country", "country_iso_code": "code",
    "estimate_kwh": "energy", "attributed_estimate_kwh": "energy", "asset_estimate_kwh": "energy",
    "estimate_kg": "CO2eq", "attributed_estimate_kg": "CO2eq", "asset_estimate_kg": "CO2eq", "energy_low": "at wall",
    "attributed_energy_low": "at wall", "asset_energy_low": "at wall", "energy_per_phase_low": "at wall",
    "emissions": "CO2eq", "energy_share": "share", "interval_source": "interval by", "asset_share": "share",
    "energy_share_so_far": "so far", "energy_per_phase": "per phase",
    "energy_per_run": "per run", "duration_per_phase": "duration", "duration_per_run": "duration",
    "energy_ratio": "ratio", "position": "no.", "is_on_front": "on front", "is_shared": "shared",
    "rows_read": "read", "rows_loaded": "loaded", "rows_superseded": "superseded", "rows_quarantined": "rejected",
    "source_file": "file", "asset_key": "asset", "source_column": "column", "cpu_power": "CPU", "gpu_power": "GPU",
    "ram_power": "RAM", "cpu_energy": "CPU", "gpu_energy": "GPU", "ram_energy": "RAM", "cpu_model": "CPU",
    "gpu_model": "GPU", "cpu_count": "CPUs", "gpu_count": "GPUs", "ram": "RAM", "cpu_method": "CPU",
    "gpu_method": "GPU", "ram_method": "RAM", "tracking_mode": "mode", "error_type": "error",
}  # fmt: skip
"""Heads of columns, where they are not their names without the unit."""

Rows = Sequence[Mapping[str, Any]]


class Column(NamedTuple):
    """A column of a table: its head, its cells, whether they are text that can be cut, and whether they are numbers."""

    head: str
    cells: list[str]
    is_text: bool
    is_number: bool

    @property
    def width(self) -> int:
        """Characters of the widest cell, or of the head."""
        return max(map(cell_len, (self.head, *self.cells)))


def columns_of(rows: Rows, names: Sequence[str], *, is_chosen: bool = False) -> list[Column]:
    """Write the cells of some columns.

    Args:
        rows: the rows, at least one.
        names: the columns, `low..high` for an interval; those without any value are omitted, unless they were chosen.
        is_chosen: whether the user has named the columns, so that each is called by its name, and flags are listed.
    """
    columns, unit = [], None
    for name in names:
        low, _, high = name.partition(INTERVAL)
        if not is_chosen and low not in GROUPS and all(row[low] is None for row in rows):
            continue
        unit = _unit_of_column(rows, low, high, unit)
        head = low if is_chosen else HEADS.get(low) or HEADS.get(_bare(low), _bare(low))
        head = safe_text(_bare(head).replace("_", " ") + _unit_text(low, unit, rows))
        if high:
            columns.append(Column(head, [_interval_cell(row[low], row[high], unit) for row in rows], False, True))
            continue
        values = [row[low] for row in rows]
        is_count = low == "flags" and not is_chosen
        is_number = is_count or any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        is_text = any(isinstance(value, str | list) for value in values) and not is_count and not _ID.search(low)
        columns.append(Column(head, _cells(low, values, unit, rows, is_count=is_count), is_text, is_number))
    return columns


def table_lines(columns: Sequence[Column], width: int, *, is_chosen: bool = False) -> tuple[list[str], list[str]]:
    """Lay out a table.

    Args:
        columns: the columns, the most telling first.
        width: characters of a line at most.
        is_chosen: whether the user has named the columns, so that text is cut before one is omitted.

    Returns:
        The lines, the head first and then a rule, and the heads of the columns that do not fit.
    """
    narrowest = NARROWEST_CHOSEN if is_chosen else NARROWEST_TEXT
    widths: dict[int, int] = {}
    for number_, column in enumerate(columns):
        least = min(column.width, narrowest) if column.is_text else column.width
        if sum(widths.values()) + len(GAP) * len(widths) + least <= width or not widths:
            widths[number_] = min(least, width)
    spare = width - sum(widths.values()) - len(GAP) * (len(widths) - 1)
    while spare > 0 and (cut := [key for key, given in widths.items() if given < columns[key].width]):
        for key in cut[:spare]:
            widths[key] += 1
        spare -= min(len(cut), spare)
    shown = [(columns[key], given) for key, given in widths.items()]
    rule = "─" if can_show("─") else "-"
    lines = [
        GAP.join(_fitted(column.head, given, column) for column, given in shown),
        GAP.join(rule * given for _, given in shown),
    ]
    for cells in zip(*(column.cells for column, _ in shown), strict=True):
        pairs = zip(cells, shown, strict=True)
        lines.append(GAP.join(_fitted(cell, given, column) for cell, (column, given) in pairs))
    return [line.rstrip() for line in lines], [column.head for key, column in enumerate(columns) if key not in widths]


def markdown_lines(columns: Sequence[Column]) -> list[str]:
    """Lay out a table in Markdown, with all columns."""
    lines = [
        _markdown_row([column.head for column in columns]),
        "|".join(["", *("---:" if column.is_number else "---" for column in columns), ""]),
    ]
    return lines + [_markdown_row(cells) for cells in zip(*(column.cells for column in columns), strict=True)]


def total_line(totals: Mapping[str, Any], layout: Layout, shown: int, width: int | None = None) -> str:
    """Write what all rows that the filters leave add up to, whether or not they are shown.

    Args:
        totals: the sums by column, and `rows`.
        layout: of the report.
        shown: how many rows the table has.
        width: characters at most: what does not fit is omitted.
    """
    rows = totals["rows"]
    text = counted(rows, layout.rows) if layout.rows != "country" else f"{rows:,} countr{'y' if rows == 1 else 'ies'}"
    text = text.replace("kind of machines", "kinds of machine").replace("way of measurings", "ways of measuring")
    if layout.sums:
        text = f"total of {text}"
    if shown < rows:
        text += f", {shown:,} shown"
    parts = [_total(totals, name) for name in layout.sums if "_high_" not in name]
    for place, part in enumerate(part for part in parts if part):
        longer = f"{text}{', ' if place else ': '}{part}"
        if width is not None and cell_len(longer) > width:
            break
        text = longer
    return text


def _total(totals: Mapping[str, Any], name: str) -> str:
    value = totals.get(name)
    if "_low_" in name:
        high = totals.get(name.replace("_low_", "_high_"))
        of = totals.get(name.replace("energy_low", "estimate"))
        return "" if value is None or high is None else f"{interval(value, high, 'kWh', of)} at the wall"
    unit = _quantity(name)
    if unit:
        what = {"kWh": "energy", "kg CO2eq": "emissions"}.get(unit, _bare(name)) if value is None else ""
        return f"{what} {amount(value, unit)}".lstrip()
    return counted(int(value or 0), "run") if name == "runs" else f"{int(value or 0):,} {HEADS[name]}"


def _quantity(name: str) -> str | None:
    """The unit in which the warehouse has a column, as in `UNITS`."""
    if _NO_AMOUNT.search(name):
        return None
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), None)


def _bare(name: str) -> str:
    """The name of a column without its unit."""
    suffix = next((suffix for suffix in _UNITS if name.endswith(suffix) and not _NO_AMOUNT.search(name)), "")
    return name.removesuffix(suffix) if suffix != name else name


def _unit_of_column(rows: Rows, low: str, high: str, before: Unit | None) -> Unit | None:
    """The unit of the largest value; an interval has that of the column to which it belongs, as have zeros."""
    quantity = _quantity(low)
    if quantity is None or any(isinstance(row[low], str) for row in rows):
        return None
    values = [row[high or low] for row in rows]
    if before is not None and before in UNITS[quantity]:
        if high:
            return unit_beside(before, values, quantity)
        if not any(values):
            return before
    return unit_of(values, quantity)


def _unit_text(name: str, unit: Unit | None, rows: Rows) -> str:
    if unit is not None:
        return f" {unit.symbol.removesuffix(' CO2eq')}"
    if any(isinstance(row[name], datetime) for row in rows):
        return " UTC"
    return " %" if _SHARE.search(name) and any(isinstance(row[name], float) for row in rows) else ""


def _interval_cell(low: float | None, high: float | None, unit: Unit | None) -> str:
    if low is None or high is None or unit is None:
        return NONE
    return ends(low / unit.size, high / unit.size)


def _cells(name: str, values: Sequence[Any], unit: Unit | None, rows: Rows, *, is_count: bool) -> list[str]:
    if unit is not None:
        return _aligned([NONE if value is None else number(value / unit.size) for value in values])
    if _ID.search(name):
        return _ids(values)
    if any(isinstance(value, datetime) for value in values):
        return _times(values)
    if _SHARE.search(name) and any(isinstance(value, float) for value in values):
        return _aligned([NONE if value is None else number(100 * value) for value in values])
    if is_count:
        return [NONE if value is None else str(len(value)) for value in values]
    return [_text(name, value, row) for value, row in zip(values, rows, strict=True)]


def _text(name: str, value: Any, row: Mapping[str, Any]) -> str:
    if value is None or value in ("", []):
        if name == "gpu_model" and row.get("gpu_count") == 0:
            return "none"
        return UNKNOWN if name in GROUPS else NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value, 4) if not value or abs(value) >= 1e-3 else f"{value:.3g}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    return safe_text(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _ids(values: Sequence[str | None]) -> list[str]:
    """The first characters of IDs, as many as tell them apart."""
    known = {value for value in values if value}
    most = max(map(len, known), default=0)
    length = next(
        (n for n in range(RUN_ID_CHARACTERS, most) if len({value[:n] for value in known}) == len(known)), most
    )
    return [safe_text(value[:length]) if value else NONE for value in values]


def _times(values: Sequence[datetime | None]) -> list[str]:
    """Times, UTC; with seconds where half of the rows are less than minutes apart."""
    moments = sorted({value for value in values if value is not None})
    between_s = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    typical_s = median(between_s) if between_s else CLOSE_S
    form = "%Y-%m-%d %H:%M" if typical_s >= CLOSE_S else "%Y-%m-%d %H:%M:%S"
    texts = [NONE if value is None else f"{value.astimezone(UTC):{form}}" for value in values]
    if typical_s >= 1:
        return texts
    parts = zip(texts, values, strict=True)
    return [f"{text}.{value.microsecond // 1000:03}" if value else text for text, value in parts]


def _aligned(texts: Sequence[str]) -> list[str]:
    """Numbers with their points below one another."""
    tails = [len(text) - text.find(".") if "." in text else 0 for text in texts]
    return [text + " " * (max(tails) - tail) for text, tail in zip(texts, tails, strict=True)]


def _fitted(text: str, width: int, column: Column) -> str:
    """Text that is as wide as its column, cut with an ellipsis where it is wider: of a path, the folder goes first."""
    if column.head == HEADS["source_file"] and cell_len(text) > width:
        text = text.rpartition("/")[2]
    length = cell_len(text)
    if length > width:
        ellipsis = "…" if can_show("…") else "..."
        return set_cell_size(set_cell_size(text, max(width - len(ellipsis), 0)).rstrip() + ellipsis, width)
    return " " * (width - length) + text if column.is_number else text + " " * (width - length)


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = (re.sub(r"([\\`*_|<>\[\]&])", r"\\\1", cell.strip()) for cell in cells)
    return f"| {' | '.join(escaped)} |"
