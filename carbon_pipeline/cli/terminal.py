"""What commands print: lines, tables, JSON. Nothing here knows what is in them."""

import io
import json
import os
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

WIDE = 200
"""Width of a table that does not go to a terminal, characters."""


def accept_any_output() -> None:
    """Let whatever is printed neither fail nor be lost: for the start of a program.

    Characters that the encoding of a stream lacks are written as escapes, such as `\\xe9`. A reader that leaves, as
    `head` does, ends nothing: the command goes on and exits with the status that it would have had.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):  # None, since it is closed, or replaced
            continue
        stream.reconfigure(errors="backslashreplace")
        if os.name != "posix":  # a console of Windows is not written as a file
            continue
        try:
            raw = _Pipe(stream.fileno(), "w", closefd=False)
        except OSError:  # a stream of another program's making, without a file below it
            continue
        lenient = io.TextIOWrapper(
            raw if stream.write_through else io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, lenient)


def write_utf8() -> None:
    """Let standard output be UTF-8, as files are, unless it is a terminal: no character of an export may change."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")


class _Pipe(io.FileIO):
    """Discards what a reader that has left does not read."""

    is_broken = False

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            self.is_broken = True
            return len(data)


def flushed_to_a_reader() -> bool:
    """Write what was printed so far.

    Returns:
        Whether anyone still reads standard output: a command that goes on until it is ended would end for nobody else.
    """
    if sys.stdout is None:
        return False
    sys.stdout.flush()
    raw = getattr(sys.stdout, "buffer", None)
    return not getattr(getattr(raw, "raw", raw), "is_broken", False)


def say(message: str) -> None:
    """Print one line on stderr.

    Args:
        message: the line; line breaks in it become blanks.
    """
    if sys.stderr is None:  # closed: print would take standard output
        return
    print(printable(" ".join(message.split())), file=sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream goes to a terminal; one that is closed is None."""
    return stream is not None and stream.isatty()


def printable(text: str) -> str:
    """Escape what would control the terminal in text from outside.

    Returns:
        The text with characters that are not printable as escapes, such as `\\x1b`.
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def safe_text(text: str) -> str:
    """Escape in text from outside what would control the terminal, and what standard output cannot encode."""
    return _shown(printable(text))


def can_show(text: str) -> bool:
    """Whether standard output can encode a text."""
    return _shown(text) == text


def counted(number: int, noun: str) -> str:
    """Write a number of things.

    Returns:
        Such as `1 run` or `2,000 runs`.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_json(value: object) -> None:
    """Print a value as JSON.

    Args:
        value: what JSON can hold; anything else becomes text. Characters that cannot be printed are escaped as JSON
            does it, so that it stays valid.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
    if _shown(text) != text:
        text = json.dumps(value, indent=1, default=str)
    print(text)


def print_json_rows(rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as a JSON array, one after the other."""
    opening = "["
    for row in rows:
        text = json.dumps(row, indent=1, ensure_ascii=False, default=str)
        print(opening, text if _shown(text) == text else json.dumps(row, indent=1, default=str), sep="\n", end="")
        opening = ","
    print("[]" if opening == "[" else "\n]")


def make_console() -> Console:
    """Standard output for tables, as wide as the terminal, else `WIDE` or as the variable COLUMNS has it."""
    columns_set = os.environ.get("COLUMNS", "")
    width = (
        None if is_terminal(sys.stdout) else int(columns_set) if columns_set.isdecimal() and int(columns_set) else WIDE
    )
    return Console(markup=False, highlight=False, emoji=False, width=width)


def print_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print a few rows as a table that wraps text where it does not fit.

    Args:
        rows: what to show; all with the same keys. A column in which all values are empty is omitted.
        title: stands above.
    """
    table = Table(
        title=title, title_justify="left", title_style="", header_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    for name in columns:
        number = all(row[name] is None or isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*(_cell_text(row[name]) for name in columns))
    make_console().print(table)


def print_wrapped(text: str) -> None:
    """Print a text: on a terminal with its further lines indented where it is wider, elsewhere as one line."""
    if not is_terminal(sys.stdout):
        print(safe_text(text))
        return
    print(
        textwrap.fill(
            safe_text(text),
            make_console().width,
            subsequent_indent="  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    )


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else safe_text(str(value))


def _shown(text: str) -> str:
    """Escape the characters that standard output cannot encode, so that columns are as wide as what is printed."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
