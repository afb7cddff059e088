"""Writing CSV that any program reads back as it was meant, spreadsheets too."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header, lines ended by a line feed.

    Args:
        names: the columns, in order.
        rows: a value for each; None is an empty cell, a list is joined by semicolons.

    Returns:
        The text. A text that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV injection).
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(row[name]) for name in names} for row in rows)
    return text.getvalue()


def cell(value: Any) -> Any:
    """A value as it is written into a cell.

    Args:
        value: the value; a list is joined by semicolons.

    Returns:
        What the csv module is to write. A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    if isinstance(value, list):
        value = ";".join(map(str, value))
    if not isinstance(value, str):
        return value
    value = value.replace("\r", " ")  # the csv module does not quote it, and readers take it for the end of a line
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
