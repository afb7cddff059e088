"""Reading CodeCarbon's CSV files, whatever has happened to them. What a cell means is settled in cells.py.

A file is what its header says. From there on each line is read by itself: what cannot be read is rejected with its line
and the reason, and the next line is read as if nothing had happened. No cell of one row ever becomes one of another.
"""

import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from typing import BinaryIO

from carbon_pipeline.warehouse.ingest import cells as cell_rules
from carbon_pipeline.warehouse.ingest.cells import Conventions, RejectedError
from carbon_pipeline.warehouse.ingest.clean_rows import CleanRows, Rejected
from carbon_pipeline.warehouse.ingest.layout import (
    CR_INSIDE,
    DELIMITERS,
    REQUIRED,
    UNTERMINATED,
    Layout,
    NotCodeCarbonError,
    begin_of_a_header,
    is_meant_as_header,
    read_layout,
    require_layout,
    split_cells,
)
from carbon_pipeline.warehouse.ingest.other_formats import describe_binary, describe_text
from carbon_pipeline.warehouse.ingest.repairs import has_a_time_inside, insert_left_out, is_shifted, split_glued

HEADER_BYTES = 4 * 2**20
"""A header that is longer is none."""
COLONS_OF_A_TIME = 2
MOST_LINES_OF_A_ROW = 1000
SUMS = "emissions_count"
"""A column by which an export of sums is told, though its other columns are those of runs."""
SHIFTED = (
    "; CodeCarbon 3.2 leaves out empty columns when it appends (its issue 1304), and which ones is not certain here: "
    "insert the missing commas and import the file again"
)
MOST_TRIES = 20
"""Lines with a quote in them that are tried as the end of a cell; each try reads all of the cell again."""

_BEGINS_WITH_DIGIT = re.compile(r"\s*\"?\s*[-+.]*\d")
_BEGINS_A_ROW = re.compile(r"[\s\"]*(?:20\d\d-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]20\d\d)[T ]\d{1,2}:\d\d")
_WIDE_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

Open = Callable[[], BinaryIO]


class CsvReader:
    """One file, whose rows are read once. Afterwards `notes` has what is odd about it as a whole."""

    def __init__(self, open_file: Open, zone: tzinfo | None = None):
        """Read the header.

        Args:
            open_file: opens the file; called again where the file has to be looked over first.
            zone: time zone of times without one; default UTC.

        Raises:
            NotCodeCarbonError: it is empty, or has no header of CodeCarbon's.
            OSError: it cannot be read.
        """
        self._open, self._zone = open_file, zone or UTC
        self._conventions: Conventions | None = None
        self._conventions_note = ""
        self._odd: Counter[str] = Counter()
        self._extra: dict[str, None] = {}
        self._lost = ""
        self._is_cell_open = False
        self._encoding = "utf-8"
        self._waiting: deque[tuple[int, str]] = deque()
        with open_file() as stream:
            lines = ((number, self._mended(text)) for number, text in self._decoded(stream))
            head = stream.read(HEADER_BYTES + 1)
            stream.seek(0)
            if what := describe_binary(head):
                raise NotCodeCarbonError(what)
            if len(head.split(b"\n", 1)[0]) > HEADER_BYTES and not all(
                name.encode() in head.replace(b"\0", b"") for name in REQUIRED
            ):
                raise NotCodeCarbonError(f"is none of CodeCarbon's: its first line is longer than {HEADER_BYTES} bytes")
            self.header_line, header = next(((n, text) for n, text in lines if not _is_preamble(text)), (0, ""))
        if not self.header_line:
            raise NotCodeCarbonError("is empty")
        self._header_rest: list[str] = []
        if "\r" in header and read_layout(header.split("\r")[0]):
            header, *self._header_rest = header.split("\r")
        if (read_layout(header) is None or SUMS in header) and (what := describe_text(head)):
            raise NotCodeCarbonError(what)
        self.layout = require_layout(header)
        self._layouts = [self.layout]
        self._odd.clear()

    @property
    def notes(self) -> list[str]:
        """What was odd about the file as a whole."""
        delimiter = {"\t": "tabs", ";": "semicolons", "|": "bars"}.get(self.layout.delimiter)
        layouts = list(dict.fromkeys(layout.versions for layout in self._layouts))
        extra = list(self._extra)
        odd = [
            " and ".join(layouts) if "the 33 fields" in layouts else f"CodeCarbon {' and '.join(layouts)}",
            "tasks" if "task_name" in self.layout.columns else "",
            f"separated by {delimiter}" if delimiter else "",
            self._encoding.upper() if self._encoding != "utf-8" else "",
            self._conventions_note,
            *(f"{count} {what}" for what, count in self._odd.items() if count),
            f"kept in extra_columns: {', '.join(extra[:8])}{' ...' if len(extra) > 8 else ''}" if extra else "",
            f"times in {self._zone}" if self._zone is not UTC else "",
        ]
        return [note for note in odd if note]

    def read(self, file_no: int, rows: CleanRows) -> int:
        """Read all rows, to `rows`.

        Returns:
            The number of rows; each is either clean or rejected.
        """
        self._rows, self._file_no, self._read = rows, file_no, 0
        self._extra.update(dict.fromkeys(self.layout.extra))
        with self._open() as stream:
            self._lines = self._decoded(stream)
            for line, text in self._lines:
                self._mended(text)  # counts what is odd about it
                if line == self.header_line:
                    break
            self._waiting.extend((self.header_line, text) for text in self._header_rest)
            while self._waiting or self._read_plain_lines():
                self._read_odd_line(*self._waiting.popleft())
        return self._read

    def _read_plain_lines(self) -> bool:
        """Copy rows as long as they are plain.

        Returns:
            Whether there is a line that is not, which waits then.
        """
        layout = self._layouts[-1]
        is_plain = layout.plain_row.fullmatch if layout.plain_row and self._zone is UTC and not self._lost else None
        if is_plain is None:
            following = self._next()
            if following:
                self._waiting.append(following)
            return following is not None
        write, file_no, count, longest = self._rows.plain_file(layout.columns).write, self._file_no, 0, 0
        odd = False
        for line, text in self._lines:
            if is_plain(text) and text.count(":") == COLONS_OF_A_TIME:  # with more, it may be two rows in one
                write(f"{file_no},{line},,,,{text}\n")
                count += 1
                longest = len(text) if len(text) > longest else longest
            else:
                self._waiting.append((line, self._mended(text)))
                odd = True
                break
        self._rows.note_length(layout.columns, longest)
        self._read += count
        return odd

    def _read_odd_line(self, line: int, text: str) -> None:
        if "\r" in text and split_cells(text, self._layouts[-1].delimiter) == CR_INSIDE:
            self._waiting.extendleft((line, part) for part in reversed(text.split("\r")))
        elif text.strip():
            self._read_row(line, text)

    def _read_row(self, line: int, text: str) -> None:
        layout = self._layouts[-1]
        if any(name in text.lower() for name in REQUIRED) and self._is_header(line, text, layout):
            return
        if self._lost:
            self._reject(line, text, self._lost)
            return
        was_open, self._is_cell_open = self._is_cell_open, False
        if was_open and text.count('"') % 2:
            self._reject(
                line, text, "begins with the rest of a cell of the line above, whose quote was not ended there"
            )
            return
        found: list[str] | str = split_cells(text, layout.delimiter)
        if found == UNTERMINATED:
            text, found = self._until_the_quote_is_closed(line, text, layout)
        if isinstance(found, str):
            self._is_cell_open = found == UNTERMINATED
            self._reject(line, text, found)
            return
        names = layout.names
        if len(found) > len(names) and not any(cell.strip() for cell in found[len(names) :]):
            found = found[: len(names)]
        if is_shifted(layout, found):
            self._reject(line, text, f"its values are not in their columns{SHIFTED}")
        elif len(found) == len(names) and not has_a_time_inside(layout, found):
            self._take(line, text, layout, found)
        else:
            self._repair(line, text, layout, found)

    def _repair(self, line: int, text: str, layout: Layout, found: list[str]) -> None:
        count = f"{len(found)} values for {len(layout.names)} columns"
        if rows := split_glued(layout, found):
            for row in rows:
                if len(row) == len(layout.names):
                    self._take(line, text, layout, row, is_repaired=True)
                else:
                    self._reject(
                        line,
                        layout.delimiter.join(row),
                        f"{count}: a row that was cut off, with the next row on its line (CodeCarbon's issue 43)",
                    )
        elif len(found) < len(layout.names) and (mended := insert_left_out(layout, found)):
            self._take(line, text, layout, mended, is_repaired=True)
        elif 0 < len(layout.names) - len(found) <= 7:
            self._reject(
                line,
                text,
                f"{count}{SHIFTED}",
            )
        elif len(found) >= 2 * len(layout.names) - 1:
            why = "two rows on one line (CodeCarbon's issue 43); divide the line and import the file again"
            self._reject(line, text, f"{count}: {why}")
        else:
            self._reject(line, text, f"{count}; correct the line and import the file again")

    def _take(self, line: int, text: str, layout: Layout, found: list[str], is_repaired: bool = False) -> None:
        if self._conventions is None:
            self._conventions = Conventions(zone=self._zone)
        at = layout.columns.index("timestamp")
        if self._conventions.date_order is None and cell_rules.SLASHED_DATE.match(found[at].strip()):
            self._conventions = Conventions(self._date_order(), self._zone)
        if cell_rules.DOTTED_DATE.match(found[at].strip()):
            self._odd["dates as day.month.year"] += 1
        try:
            row = cell_rules.clean(layout, found, self._conventions)
        except RejectedError as error:
            self._reject(line, text, str(error))
            return
        extra = {column: row.values.pop(column) for column in layout.extra if column in row.values}
        self._rows.add(
            self._file_no, line, row.values, extra, is_repaired=is_repaired, has_invalid_value=row.has_invalid_value
        )
        self._read += 1

    def _date_order(self) -> cell_rules.DateOrder:
        """The order of day and month in this file, of which all times are looked at."""
        layout = self.layout
        at = layout.columns.index("timestamp")
        with self._open() as stream:
            order = cell_rules.date_order(
                found[at] for _, text in self._decoded(stream) if len(found := text.split(layout.delimiter)) > at
            )
        if order.endswith("first"):
            self._conventions_note = f"dates with the {order}"
        return order

    def _reject(self, line: int, text: str, reason: str) -> None:
        self._rows.rejected.append(Rejected(self._file_no, line, reason, text))
        self._read += 1

    def _is_header(self, line: int, text: str, layout: Layout) -> bool:
        """Whether a line holds the names of columns, and is no row."""
        if found := read_layout(text):
            self._reject(line, text, "a repeated header" if found == layout else "a header of other columns")
            self._layouts.append(found)
            self._extra.update(dict.fromkeys(found.extra))
            self._lost = ""
            return True
        if begins := begin_of_a_header(text):  # what was written after a last line without an end
            self._waiting.appendleft((line, text[begins:]))
            self._read_row(line, text[:begins])
            return True
        if is_meant_as_header(text, layout.delimiter):
            self._lost = f"below a header that cannot be read (line {line})"
            self._reject(line, text, "a header that lacks a column, or has one twice")
            return True
        return False

    def _until_the_quote_is_closed(self, line: int, text: str, layout: Layout) -> tuple[str, list[str] | str]:
        """The lines of a cell with line breaks in it; just this line if the next ones are rows of their own."""
        taken: list[tuple[int, str]] = []
        joined, tries = text, 0
        while len(taken) < MOST_LINES_OF_A_ROW and (following := self._next()) is not None:
            taken.append(following)
            if _begins_a_row(layout, following[1]):
                break
            joined += f"\n{following[1]}"
            if '"' in following[1] and tries < MOST_TRIES:
                tries += 1
                found = split_cells(joined, layout.delimiter)
                if isinstance(found, list) and len(found) == len(layout.names):
                    return joined, found
            if tries == MOST_TRIES or _is_row(layout, following[1]):
                break
        self._waiting.extendleft(reversed(taken))
        return text, UNTERMINATED

    def _next(self) -> tuple[int, str] | None:
        if self._waiting:
            return self._waiting.popleft()
        return next(((line, self._mended(text)) for line, text in self._lines), None)

    def _decoded(self, stream: BinaryIO) -> Iterator[tuple[int, str]]:
        """Each line with its number, without its end. CodeCarbon writes in the encoding of its system."""
        head = stream.read(4096)
        stream.seek(0)
        wide = _wide_encoding(head)
        begin = head.decode(wide or "latin-1", "replace")
        ends = None if "\r" in begin and "\n" not in begin else "\n"  # CR-only line endings
        self._encoding = wide or "utf-8"
        lines = io.TextIOWrapper(stream, wide or "utf-8", errors="replace" if wide else "surrogateescape", newline=ends)
        for number, text in enumerate(lines, start=1):
            if text[-1:] == "\n":
                text = text[:-2] if text[-2:] == "\r\n" else text[:-1]
            yield number, text

    def _mended(self, text: str) -> str:
        """A line without NUL bytes and byte order mark, in characters whatever its bytes are."""
        if text.isprintable():
            return text
        if "\0" in text:
            self._odd["NUL bytes removed"] += text.count("\0")
            text = text.replace("\0", "")
        if self._encoding != "utf-8":
            self._odd[f"characters that are none in {self._encoding.upper()}"] += text.count("\ufffd")
        elif any("\udc80" <= character <= "\udcff" for character in text):
            self._odd["lines in Latin-1"] += 1
            raw = text.encode("utf-8", "surrogateescape")
            try:
                text = raw.decode("cp1252")
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
        return text.removeprefix("\ufeff").rstrip("\r")


def _begins_a_row(layout: Layout, text: str) -> bool:
    """Whether a line has a time where the time of a row is: it begins one, whatever else is wrong with it."""
    at = layout.columns.index("timestamp")
    naive = text.split(layout.delimiter)
    is_intact = not any(cell.count('"') % 2 for cell in naive[:at])  # else the rest of a cell may stand before the time
    return len(naive) > at and is_intact and bool(_BEGINS_A_ROW.match(naive[at]))


def _is_row(layout: Layout, text: str) -> bool:
    """Whether a line is a row: as many cells as names, and digits where time and duration are to be."""
    found = split_cells(text, layout.delimiter)
    if isinstance(found, str) or len(found) != len(layout.names):
        return False
    return all(_BEGINS_WITH_DIGIT.match(found[layout.columns.index(name)]) for name in ("timestamp", "duration"))


def _is_preamble(text: str) -> bool:
    """A blank line, or the line that names the separator for a spreadsheet."""
    return not text.strip() or text.strip().lower().removeprefix("sep=") in DELIMITERS


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, by its byte order mark or by where its zero bytes stand."""
    for mark, encoding in _WIDE_MARKS:
        if head.startswith(mark):
            return encoding
    even, odd = head[::2].count(0) / max(1, len(head[::2])), head[1::2].count(0) / max(1, len(head[1::2]))
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None
