"""What a cell means where it is not as CodeCarbon writes it: numbers, times and units of other programs.

Nothing is guessed: a value that can be read in two ways is rejected, and the reason says how to write it.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal

from carbon_pipeline.warehouse.ingest.layout import AMOUNTS, NUMBERS, Layout

POWERS = ("cpu_power", "gpu_power", "ram_power")
YEARS = range(2015, 2101)
"""CodeCarbon's first release is of 2020. The clock is no bound: what is rejected today would not be tomorrow."""

DateOrder = Literal["day first", "month first", "contradictory", "unknown"]

_OBJECT = re.compile(r"\s*(?:Power|Energy)\(\w+=([^()]*)\)\s*")
"""How CodeCarbon's classes print themselves: the original script wrote those into its file."""
_SPACE = "[ '’\u00a0\u202f]"
_POINT_GROUPS = re.compile(rf"[-+]?[1-9][0-9]{{0,2}}(?:{_SPACE}[0-9]{{3}}|\.[0-9]{{3}})+(?:,[0-9]+)?")
_COMMA_GROUPS = re.compile(rf"[-+]?[1-9][0-9]{{0,2}}(?:{_SPACE}[0-9]{{3}}|,[0-9]{{3}})+(?:\.[0-9]+)?")
"""Thousands separators of countries with a decimal comma, and with a decimal point."""
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+(?:[eE][-+]?[0-9]+)?")
_PLAIN_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DECIMAL_POINT = re.compile(r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_CLOCK = r"(?:[ T,]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)\s*([AaPp][Mm])?)?"
DOTTED_DATE = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4}}){_CLOCK}")
"""How a spreadsheet of many countries writes a date: day, month, year."""
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})[/.-]([0-9]{{1,2}})[/.-]([0-9]{{1,2}}){_CLOCK}")
SLASHED_DATE = re.compile(rf"([0-9]{{1,2}})[/-]([0-9]{{1,2}})[/-]([0-9]{{4}}){_CLOCK}")
"""Day and month, or month and day: the file has to make it certain."""


class RejectedError(Exception):
    """A row cannot be read; the message is the reason."""


@dataclass(frozen=True)
class Conventions:
    """How a file writes its times.

    Attributes:
        date_order: order of day and month in dates with slashes; None if it has not been looked up.
        zone: time zone of times without one.
    """

    date_order: DateOrder | None = None
    zone: tzinfo = UTC


@dataclass
class CleanRow:
    """A row as DuckDB can read it: texts by CodeCarbon's names, numbers with a decimal point, times in UTC.

    Attributes:
        values: the cells; empty ones are left out.
        has_invalid_value: whether a cell that is no number was discarded.
    """

    values: dict[str, str]
    has_invalid_value: bool = False


def clean(layout: Layout, cells: Iterable[str], conventions: Conventions) -> CleanRow:
    """Read the cells of a row.

    Raises:
        RejectedError: a cell without which the row has no meaning cannot be read.
    """
    given = {
        column: text for column, cell in zip(layout.columns, cells, strict=True) if (text := cell.strip(" \t\r\n"))
    }
    if not given:
        raise RejectedError("all cells are empty")
    if layout.is_field_list:
        given = {column: text for column, text in given.items() if text != "None"}
    row = CleanRow(given)
    row.values["timestamp"] = _time(given.get("timestamp", ""), conventions)
    numbers = NUMBERS & given.keys() | {"duration"}
    mark = _decimal_mark(layout, (given.get(column, "") for column in numbers))
    for column in sorted(numbers):
        text = _number(given.get(column, ""), mark)
        if column in AMOUNTS:
            _require_amount(column, text, given.get(column, ""))
        elif not math.isfinite(_float(text)):
            row.has_invalid_value = True
            del row.values[column]
            continue
        row.values[column] = text
    if layout.is_field_list:
        for column in row.values.keys() & {*POWERS}:
            row.values[column] = repr(float(row.values[column]) * 1000)
    return row


def date_order(texts: Iterable[str]) -> DateOrder:
    """Find the order of day and month from all times of a file."""
    firsts, seconds = set(), set()
    for text in texts:
        if match := SLASHED_DATE.match(text.strip(' \t"')):
            firsts.add(int(match[1]) > 12)
            seconds.add(int(match[2]) > 12)
    if True in firsts and True in seconds:
        return "contradictory"
    return "day first" if True in firsts else "month first" if True in seconds else "unknown"


def _time(text: str, conventions: Conventions) -> str:
    try:
        written = _parse_time(text, conventions)
        moment = (written if written.tzinfo else written.replace(tzinfo=conventions.zone)).astimezone(UTC)
        if not written.tzinfo and moment.astimezone(conventions.zone).replace(tzinfo=None) != written:
            raise RejectedError(
                f"timestamp does not exist in {conventions.zone}, where clocks went forward then: {text}"
            )
    except (ValueError, OverflowError):
        raise RejectedError(
            f"timestamp is no date and time: {text or 'empty'}; write it as 2026-01-31T10:00:00 (year-month-day)"
        ) from None
    if moment.year not in YEARS:
        raise RejectedError(f"timestamp is not between the years {YEARS[0]} and {YEARS[-1]}: {text}")
    return moment.replace(tzinfo=None).isoformat()


def _parse_time(text: str, conventions: Conventions) -> datetime:
    if match := DOTTED_DATE.fullmatch(text):
        return _spreadsheet_time(match[1], match[2], match)
    if match := SLASHED_DATE.fullmatch(text):
        one, other = match[1], match[2]
        if conventions.date_order == "day first" or one == other:
            return _spreadsheet_time(one, other, match)
        if conventions.date_order == "month first":
            return _spreadsheet_time(other, one, match)
        raise RejectedError(
            f"timestamp may be day/month or month/day: {text}; the file does not make it certain. Write it as "
            f"{match[3]}-{one:0>2}-{other:0>2}T10:00:00 (year-month-day)"
        )
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if match := _YEAR_FIRST.fullmatch(text):
            return _spreadsheet_time(match[3], match[2], match, year=match[1])
        raise


def _spreadsheet_time(day: str, month: str, match: re.Match[str], year: str | None = None) -> datetime:
    hour, minutes = (match[4] or "0:00").split(":", 1)
    moment = datetime.fromisoformat(f"{year or match[3]}-{month:0>2}-{day:0>2}T{hour:0>2}:{minutes}")
    if match[5]:
        moment = moment.replace(hour=moment.hour % 12 + (12 if match[5].lower() == "pm" else 0))
    return moment


def _decimal_mark(layout: Layout, numbers: Iterable[str]) -> str:
    """The decimal mark of a row: the one that some number certainly has; empty where none has."""
    marks = set()
    for text in numbers:
        if _DECIMAL_COMMA.fullmatch(text) and not _COMMA_GROUPS.fullmatch(text):
            return ","
        if _DECIMAL_POINT.fullmatch(text) and not _POINT_GROUPS.fullmatch(text):
            marks.add(".")
    return "." if marks else "" if layout.delimiter == "," else ","


def _number(text: str, mark: str) -> str:
    """A number with a decimal point and without thousands separators, as far as that is certain."""
    if match := _OBJECT.fullmatch(text):
        return match[1].strip()
    if "," in text and _POINT_GROUPS.fullmatch(text):  # both marks: the last one is the decimal mark
        return re.sub(rf"\.|{_SPACE}", "", text).replace(",", ".")
    if "." in text and "," in text and _COMMA_GROUPS.fullmatch(text):
        return text.replace(",", "")
    if mark == "," and _DECIMAL_POINT.fullmatch(text):
        return "nan" if _POINT_GROUPS.fullmatch(text) else text  # 1.234 may be 1234 where the comma is the decimal mark
    if mark == ",":
        if _DECIMAL_COMMA.fullmatch(text):
            return text.replace(",", ".")
        if _POINT_GROUPS.fullmatch(text):
            return re.sub(rf"\.|{_SPACE}", "", text).replace(",", ".")
    if mark == "." and _COMMA_GROUPS.fullmatch(text):
        return re.sub(rf",|{_SPACE}", "", text)
    return text


def _float(text: str) -> float:
    """The number that a text is; NaN if it is none, such as 1_000, which Python itself would read as 1000."""
    return float(text) if _PLAIN_NUMBER.fullmatch(text) else math.nan


def _require_amount(column: str, text: str, given: str) -> None:
    most, what = AMOUNTS[column]
    if not 0 <= _float(text) <= most:
        raise RejectedError(f"{column} is no {what}: {given or 'empty'}")
