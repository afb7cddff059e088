"""Reading CodeCarbon's CSV files row by row, whatever has happened to them. What rows mean is settled in load/*.sql.

A file is taken for what its header says. From there on each line stands for itself: what cannot be read is refused
with its line and the reason, and the next line is read as if nothing had been.
"""

import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from carbon_pipeline.errors import InputError

TEXTS = frozenset(
    """
    timestamp run_id experiment_id project_name task_name country_name country_iso_code region cloud_provider
    cloud_region os python_version codecarbon_version cpu_model gpu_model tracking_mode on_cloud
    """.split()
)
NUMBERS = frozenset(
    """
    duration emissions emissions_rate cpu_power gpu_power ram_power cpu_energy gpu_energy ram_energy energy_consumed
    water_consumed cpu_count gpu_count longitude latitude ram_total_size cpu_utilization_percent
    gpu_utilization_percent ram_utilization_percent ram_used_gb pue wue
    """.split()
)
COLUMNS = TEXTS | NUMBERS
"""Every column that CodeCarbon 0.x to 3.3 has written."""

ALIASES = {"country": "country_name"}
"""Names of early versions."""

REQUIRED = ("timestamp", "duration", "emissions")
ONE_OF = ("project_name", "run_id", "experiment_id", "energy_consumed")
POWERS = ("cpu_power", "gpu_power", "ram_power")
FIELD_LIST = {"extra", "kWh"}
"""Columns by which the 33 fields of the original document are told from CodeCarbon's; powers are in kW there."""

NAMES_OF_A_HEADER = 5
"""A line with so many of CodeCarbon's column names was meant as a header."""

DELIMITERS = ",;\t|"
HEADER_BYTES = 4 * 2**20
"""A header that is longer is none."""
MOST_LINES_OF_A_ROW = 1000
MOST_TRIES = 20
"""Lines with a quote in them that are tried as the end of a cell; each try reads all of the cell again."""

_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")
_BEGINS_WITH_DIGIT = re.compile(r"\s*[-+.]*\d")
_DOTTED_DATE = re.compile(r"\s*(\d{1,2})\.(\d{1,2})\.(\d{4})[ T](\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*")
"""How a spreadsheet of many countries writes a date: day, month, year."""
_POWER = re.compile(r"\s*(?:Power|Energy)\(\w+=([^()]*)\)\s*")
"""How CodeCarbon's classes print themselves: the original script wrote those into its file."""
_PADDED_QUOTE = re.compile(r'(?P<before>^|[,;\t|])[ ]+(?=")|(?<=")[ ]+(?=$|[,;\t|])')


class NotCodeCarbonError(InputError):
    """The file is not one that can be imported; the message says why."""


class Row(NamedTuple):
    """A row of a file.

    Attributes:
        line: the line on which it begins, 1 for the first of the file.
        content: its cells by column name as JSON, as they came in; the line as text where it was refused.
        record: the same under CodeCarbon's names and in its units, where `content` is not that itself.
        refused: why it was refused; empty if it was not.
    """

    line: int
    content: str
    record: str | None = None
    refused: str = ""


@dataclass(frozen=True)
class Layout:
    """What a header says.

    Attributes:
        names: names of the columns, as they stand there.
        columns: CodeCarbon's names for them.
        delimiter: what separates the cells.
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    delimiter: str

    @property
    def is_plain(self) -> bool:
        """Whether names and numbers are as CodeCarbon itself writes them."""
        return self.delimiter == "," and self.names == self.columns and not set(self.names) >= FIELD_LIST

    @property
    def is_of_tasks(self) -> bool:
        """Whether the rows are tasks within runs."""
        return "task_name" in self.columns

    @property
    def versions(self) -> str:
        """The versions of CodeCarbon that write these columns (its releases, read column by column)."""
        has = set(self.columns)
        if "cpu_utilization_percent" in has:
            return "3.2.1 or later"
        if has >= FIELD_LIST:
            return "the 33 fields"
        if "water_consumed" in has:
            return "3.1 to 3.2.0"
        if {"experiment_id", "run_id"} <= has:
            return "2.7.1 to 3.0"
        if "pue" in has:
            return "2.2.5 to 2.7.0"
        if "codecarbon_version" in has:
            return "2.2 or later"
        return "2.0 or 2.1" if "cpu_energy" in has else "before 2.0"


class CodeCarbonCsv:
    """One file. Iterating over it, once, gives its rows; then `notes` says what else there is to say of it.

    Example:
        >>> import io
        >>> file = io.BytesIO(b"timestamp,run_id,duration,emissions\\n2026-11-24T03:00:10,one,10,0.001\\n")
        >>> [row.line for row in CodeCarbonCsv(file)]
        [2]
    """

    def __init__(self, stream: BinaryIO):
        """Reads the header.

        Raises:
            NotCodeCarbonError: it is empty, or has no header of CodeCarbon's.
        """
        self._nul_bytes = self._not_utf_8 = self._unreadable = self._dotted_dates = 0
        self._lost = ""
        self._encoding = "utf-8"
        self._waiting: deque[tuple[int, str]] = deque()
        self._lines = self._decoded(stream)
        first = stream.readline(HEADER_BYTES)
        if len(first) == HEADER_BYTES and not all(name.encode() in first.replace(b"\0", b"") for name in REQUIRED):
            raise NotCodeCarbonError(f"is none of CodeCarbon's: its first line is longer than {HEADER_BYTES} bytes")
        line, header = next(((line, text) for line, text in self._lines if not _is_preamble(text)), (0, ""))
        if not line:
            raise NotCodeCarbonError("is empty")
        if "\r" in header and _layout(header.split("\r")[0]):
            header, *rest = header.split("\r")
            self._waiting.extend((line, text) for text in rest)
        self.layout = _require_layout(header)
        self._layouts = [self.layout]

    @property
    def notes(self) -> list[str]:
        """What was odd about the file as a whole."""
        delimiter = {"\t": "tabs", ";": "semicolons", "|": "bars"}.get(self.layout.delimiter)
        layouts = list(dict.fromkeys(layout.versions for layout in self._layouts))
        odd = [
            f"CodeCarbon {' and '.join(layouts)}" if "the 33 fields" not in layouts else " and ".join(layouts),
            "tasks" if self.layout.is_of_tasks else "",
            f"separated by {delimiter}" if delimiter else "",
            self._encoding.upper() if self._encoding != "utf-8" else "",
            f"{self._not_utf_8} lines in Latin-1" if self._not_utf_8 else "",
            f"{self._unreadable} letters that are none in {self._encoding.upper()}" if self._unreadable else "",
            f"{self._nul_bytes} NUL bytes removed" if self._nul_bytes else "",
            f"{self._dotted_dates} dates as day.month.year" if self._dotted_dates else "",
        ]
        return [note for note in odd if note]

    def __iter__(self) -> Iterator[Row]:
        while (following := self._next()) is not None:
            line, text = following
            if "\r" in text and _cells(text, self._layouts[-1].delimiter) == _ENDS_INSIDE:
                self._waiting.extendleft((line, part) for part in reversed(text.split("\r")))
            elif text.strip():
                yield self._row(line, text)

    def _row(self, line: int, text: str) -> Row:
        layout = self._layouts[-1]
        if any(name in text.lower() for name in REQUIRED) and (header := self._header(line, text, layout)):
            return header
        if self._lost:
            return Row(line, text, refused=self._lost)
        cells: list[str] | str = _cells(text, layout.delimiter)
        if cells == _NOT_CLOSED:
            text, cells = self._until_the_quote_is_closed(line, text, layout)
        if isinstance(cells, str):
            return Row(line, text, refused=cells)
        names = layout.names
        if len(cells) > len(names) and not any(cell.strip() for cell in cells[len(names) :]):
            cells = cells[: len(names)]
        if len(cells) != len(names):
            return Row(line, text, refused=f"{len(cells)} cells under {len(names)} column names")
        if not any(cell.strip() for cell in cells):
            return Row(line, text, refused="all cells are empty")
        at = layout.columns.index("timestamp")
        given = json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False)
        if match := _DOTTED_DATE.fullmatch(cells[at]):
            self._dotted_dates += 1
            day, month, year, clock = match.groups()
            cells[at] = f"{year}-{month:0>2}-{day:0>2} {clock:0>5}"
        return Row(line, given, _record(layout, cells, is_changed=match is not None))

    def _header(self, line: int, text: str, layout: Layout) -> Row | None:
        """A line that holds the names of columns; None if it is a row after all."""
        if found := _layout(text):
            again = found == layout
            self._layouts.append(found)
            self._lost = ""
            return Row(line, text, refused="the header once more" if again else "a header of other columns")
        if begins := _begin_of_a_header(text):  # what was written after a last line without an end
            self._waiting.appendleft((line, text[begins:]))
            return self._row(line, text[:begins])
        if len(COLUMNS & {*_names(text, layout.delimiter)[1]}) >= NAMES_OF_A_HEADER:
            self._lost = f"stands below a header that cannot be read (line {line})"
            return Row(line, text, refused="a header that lacks a column, or has one twice")
        return None

    def _until_the_quote_is_closed(self, line: int, text: str, layout: Layout) -> tuple[str, list[str] | str]:
        """The lines of a cell with line breaks in it; just this line if the next ones are rows of their own."""
        taken: list[tuple[int, str]] = []
        joined, tries = text, 0
        while len(taken) < MOST_LINES_OF_A_ROW and (following := self._next()) is not None:
            taken.append(following)
            joined += f"\n{following[1]}"
            if '"' in following[1] and tries < MOST_TRIES:
                tries += 1
                cells = _cells(joined, layout.delimiter)
                if isinstance(cells, list) and len(cells) == len(layout.names):
                    return joined, cells
            if tries == MOST_TRIES or _is_row(layout, _cells(following[1], layout.delimiter)):
                break
        self._waiting.extendleft(reversed(taken))
        return text, _NOT_CLOSED

    def _next(self) -> tuple[int, str] | None:
        return self._waiting.popleft() if self._waiting else next(self._lines, None)

    def _decoded(self, stream: BinaryIO) -> Iterator[tuple[int, str]]:
        """Each line with its number, without what ends it. CodeCarbon writes in the encoding of its system."""
        stream.seek(0)
        head = stream.read(4096)
        stream.seek(0)
        wide = _wide_encoding(head)
        lines: Iterable[bytes | str] = stream
        if wide:
            self._encoding = wide
            begin = head.decode(wide, "replace")
            lines = io.TextIOWrapper(
                stream, wide, errors="replace", newline=None if "\r" in begin and "\n" not in begin else "\n"
            )
        elif b"\r" in head and b"\n" not in head:  # ends of lines as of an old Macintosh
            lines = (text.encode("latin-1") for text in io.TextIOWrapper(stream, "latin-1"))
        for number, raw in enumerate(lines, start=1):
            if isinstance(raw, str):
                text = raw
                self._unreadable += text.count("\ufffd")
            else:
                text = self._text(raw)
            yield number, text.removeprefix("\ufeff").removesuffix("\n").rstrip("\r").replace("\0", "")

    def _text(self, raw: bytes) -> str:
        if b"\0" in raw:
            self._nul_bytes += raw.count(b"\0")
            raw = raw.replace(b"\0", b"")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self._not_utf_8 += 1
        try:
            return raw.decode("cp1252")
        except UnicodeDecodeError:
            return raw.decode("latin-1")


_NOT_CLOSED = "a quote that is not closed"
_ENDS_INSIDE = "ends of lines, as of an old Macintosh, within a line"


def _cells(text: str, delimiter: str) -> list[str] | str:
    """The cells of a line, or why it has none."""
    if '"' not in text and "\r" not in text:
        return text.split(delimiter)
    if len(text) > csv.field_size_limit():
        csv.field_size_limit(2**31 - 1)  # as much as a C long holds on Windows
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True))
        if ' "' in text and any(cell.lstrip(" ")[:1] == '"' != cell[:1] for cell in cells):
            cells = next(
                csv.reader(
                    [_PADDED_QUOTE.sub(lambda match: match["before"] or "", text)], delimiter=delimiter, strict=True
                )
            )
        return cells
    except csv.Error as error:
        without_blanks = _PADDED_QUOTE.sub(lambda match: match["before"] or "", text) if '" ' in text else text
        if without_blanks != text:
            return _cells(without_blanks, delimiter)
        if "new-line" in str(error):
            return _ENDS_INSIDE
        return _NOT_CLOSED if "unexpected end" in str(error) else f"its quotes are not those of a CSV file ({error})"


def _is_row(layout: Layout, cells: list[str] | str) -> bool:
    """Whether a line is a row by itself: as many cells as names, and digits where time and duration are to be."""
    if isinstance(cells, str) or len(cells) != len(layout.names):
        return False
    return all(_BEGINS_WITH_DIGIT.match(cells[layout.columns.index(name)]) for name in ("timestamp", "duration"))


def _record(layout: Layout, cells: list[str], is_changed: bool) -> str | None:
    """The cells under CodeCarbon's names and in its units, unless they are that already."""
    if layout.is_plain and not is_changed and not any("(" in cell and _POWER.fullmatch(cell) for cell in cells):
        return None
    values = {}
    for column, cell in zip(layout.columns, cells, strict=True):
        if column in NUMBERS:
            if match := _POWER.fullmatch(cell):
                cell = match[1]
            if layout.delimiter != "," and _DECIMAL_COMMA.fullmatch(cell):
                cell = cell.replace(",", ".")
            if column in POWERS and set(layout.names) >= FIELD_LIST:
                cell = _watts(cell)
        elif cell.strip() == "None" and set(layout.names) >= FIELD_LIST:
            cell = ""
        if column in COLUMNS:
            values[column] = cell
    return json.dumps(values, ensure_ascii=False)


def _watts(kilowatts: str) -> str:
    try:
        return repr(float(kilowatts) * 1000)
    except ValueError:
        return kilowatts


def _is_preamble(text: str) -> bool:
    """A blank line, or the line by which a spreadsheet is told the separator."""
    return not text.strip() or text.strip().lower().removeprefix("sep=") in DELIMITERS


def _names(text: str, delimiter: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    cells = _cells(text, delimiter)
    cells = [] if isinstance(cells, str) else cells
    names = tuple(cell.strip() or f"column {number}" for number, cell in enumerate(cells, start=1))
    columns = (name.lower() if name not in FIELD_LIST else name for name in names)
    return names, tuple(ALIASES.get(column, column) for column in columns)


def _layout(text: str) -> Layout | None:
    """What a line says if it is a header of CodeCarbon's."""
    for delimiter in DELIMITERS:
        names, columns = _names(text, delimiter)
        if {*REQUIRED} <= {*columns} and {*ONE_OF} & {*columns} and len({*columns}) == len(columns):
            return Layout(names, columns, delimiter)
    return None


def _begin_of_a_header(text: str) -> int:
    """Where a header begins within a line; 0 if there is none."""
    lowered = text.lower()
    begins = sorted({lowered.find(name) for name in (*COLUMNS, *ALIASES)} - {-1, 0})
    return next((at for at in begins if (found := _layout(text[at:])) and {*found.columns} <= COLUMNS), 0)


def _require_layout(header: str) -> Layout:
    layout = _layout(header)
    if layout is not None:
        return layout
    columns = max((_names(header, delimiter)[1] for delimiter in DELIMITERS), key=lambda c: len(COLUMNS & {*c}))
    missing = ", ".join(name for name in REQUIRED if name not in columns) or "project_name"
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice and {*REQUIRED} <= {*columns}:
        raise NotCodeCarbonError(f"has two columns of the name {', '.join(twice)}: which one counts?")
    raise NotCodeCarbonError(f"is no CSV file of CodeCarbon: its first line has no column {missing}")


def _wide_encoding(head: bytes) -> str | None:
    """The encoding of a file whose letters are of two or four bytes, by its mark or by where its zero bytes stand."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    even, odd = head[::2].count(0) / max(1, len(head[::2])), head[1::2].count(0) / max(1, len(head[1::2]))
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None
