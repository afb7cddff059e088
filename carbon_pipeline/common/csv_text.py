"""Writing CSV that other programs, including spreadsheets, read back unchanged."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

# What a spreadsheet takes as the begin of a formula (OWASP, CSV injection), full-width signs of Asian keyboards
# included. It ignores whitespace and control characters in front of them.
_FORMULA = re.compile(r"[\t\r\n]|[\s\x00-\x1f\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def write_csv(stream: TextIO, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as CSV with a header and LF line ends, one after the other.

    Args:
        stream: where to write; a file must be opened with `newline=""`.
        names: the columns, in order.
        rows: the values by column; None, or no value, is an empty cell, a list is joined by semicolons. A cell that a
            spreadsheet would interpret as a formula is prefixed with an apostrophe.

    Returns:
        The number of rows.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(cell, names))
    count = 0
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in names])
        count += 1
    return count


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Format rows as CSV, as `write_csv` writes them."""
    text = io.StringIO()
    write_csv(text, names, rows)
    return text.getvalue()


def cell(value: Any) -> Any:
    """Convert a value for the csv module, as `write_csv` describes."""
    if value is None or isinstance(value, int | float):
        return value
    text = ";".join(map(str, value)) if isinstance(value, list) else str(value)
    text = text.replace("\r", " ")  # the csv module does not quote CR, and readers interpret it as a line end
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
