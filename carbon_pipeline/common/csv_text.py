"""Writing CSV that other programs, including spreadsheets, read back unchanged."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Format rows as CSV with a header and LF line ends.

    Args:
        names: the columns, in order.
        rows: a value for each column; None is an empty cell, a list is joined by semicolons.

    Returns:
        The CSV text. A cell that a spreadsheet would interpret as a formula is prefixed with an apostrophe (OWASP, CSV
        injection).
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(row[name]) for name in names} for row in rows)
    return text.getvalue()


def cell(value: Any) -> Any:
    """Convert a value for the csv module, as `csv_text` describes."""
    if isinstance(value, list):
        value = ";".join(map(str, value))
    if not isinstance(value, str):
        return value
    value = value.replace("\r", " ")  # the csv module does not quote CR, and readers interpret it as a line end
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
