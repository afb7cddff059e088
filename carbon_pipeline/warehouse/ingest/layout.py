"""What the header of a CSV file says: which of its columns are CodeCarbon's, and how its cells are separated."""

import csv
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from carbon_pipeline.errors import InputError

TEXTS = frozenset(
    """
    timestamp run_id experiment_id project_name task_name country_name country_iso_code region cloud_provider
    cloud_region os python_version codecarbon_version cpu_model gpu_model tracking_mode on_cloud
    """.split()
)
AMOUNTS = {
    "duration": (1e10, "number of seconds from 0 to 1e10"),
    "energy_consumed": (1e9, "energy from 0 to 1e9 kWh"),
    "cpu_energy": (1e9, "energy from 0 to 1e9 kWh"),
    "gpu_energy": (1e9, "energy from 0 to 1e9 kWh"),
    "ram_energy": (1e9, "energy from 0 to 1e9 kWh"),
    "emissions": (1e9, "mass from 0 to 1e9 kg"),
}
"""Columns without which a row has no meaning, with their upper bounds: nobody has used 1e9 kWh in a run."""

OTHER_NUMBERS = frozenset(
    """
    emissions_rate cpu_power gpu_power ram_power water_consumed cpu_count gpu_count longitude latitude ram_total_size
    cpu_utilization_percent gpu_utilization_percent ram_utilization_percent ram_used_gb pue wue
    """.split()
)
NUMBERS = OTHER_NUMBERS | AMOUNTS.keys()
FIELD_LIST = frozenset({"extra", "kWh"})
"""Columns by which the 33 fields of the original document are told from CodeCarbon's; powers are in kW there."""

NAMES = frozenset({"gpu_model", "cpu_model", "country_name"})
"""Columns in which a number is certainly from another column."""

COLUMNS = TEXTS | NUMBERS
"""Every column that CodeCarbon 0.x to 3.3 has written."""

ALIASES = {"country": "country_name"}
"""Names of early versions."""

REQUIRED = ("timestamp", "duration", "emissions")
ONE_OF = frozenset({"project_name", "run_id", "experiment_id", "energy_consumed"})
NAMES_OF_A_HEADER = 5
"""A line with so many of CodeCarbon's column names was meant as a header."""

DELIMITERS = ",;\t|"

UNTERMINATED = "an unterminated quote"
CR_INSIDE = "CR line endings within a line"

_PADDED_QUOTE = re.compile(r'(?P<before>^|[,;\t|])[ ]+(?=")|(?<=")[ ]+(?=$|[,;\t|])')

# What is certainly a cell as CodeCarbon itself writes it. Anything else is looked at by cells.py.
_PLAIN_TEXT = r'[^,"\r\n\0\ud800-\udfff]*'
_PLAIN_NAME = rf"(?!-?[0-9.]+(?:,|$)){_PLAIN_TEXT}"
_PLAIN_PROVIDER = "(?:aws|azure|gcp)?"
"""Whether there is a cloud at all is looked at for any other one."""
_PLAIN_AMOUNT = r"[0-9]{1,9}(?:\.[0-9]+)?(?:[eE]-[0-9]{1,3})?"
_PLAIN_NUMBER = rf"(?:-?{_PLAIN_AMOUNT})?"
_PLAIN_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_PLAIN_TIME = rf"20(?:1[5-9]|[2-9][0-9])-{_PLAIN_DAY}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?"
"""Exactly the days that exist but 29 February: DuckDB would silently read no time at all from 30 February."""


class NotCodeCarbonError(InputError):
    """The file is not one that can be imported; the message says why."""


@dataclass(frozen=True)
class Layout:
    """What a header says.

    Attributes:
        names: names of the columns in the file.
        columns: CodeCarbon's names for them.
        delimiter: what separates the cells.
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    delimiter: str

    @cached_property
    def extra(self) -> tuple[str, ...]:
        """The user's own columns."""
        known = COLUMNS | (FIELD_LIST if self.is_field_list else frozenset())
        return tuple(column for column in self.columns if column not in known)

    @property
    def is_field_list(self) -> bool:
        """Whether these are the 33 fields of the original document."""
        return {*self.columns} >= FIELD_LIST

    @property
    def is_plain(self) -> bool:
        """Whether all columns and their units are CodeCarbon's own, separated by commas."""
        return self.delimiter == "," and not self.extra and not self.is_field_list

    @cached_property
    def plain_row(self) -> re.Pattern[str] | None:
        """What a row without anything odd looks like; None where every row has to be looked at."""
        if not self.is_plain:
            return None
        cells = (
            _PLAIN_TIME
            if column == "timestamp"
            else _PLAIN_AMOUNT
            if column == "duration"
            else f"(?:{_PLAIN_AMOUNT})?"
            if column in AMOUNTS
            else _PLAIN_NUMBER
            if column in NUMBERS
            else _PLAIN_NAME
            if column in NAMES
            else _PLAIN_PROVIDER
            if column == "cloud_provider"
            else _PLAIN_TEXT
            for column in self.columns
        )
        return re.compile(",".join(cells))

    @property
    def versions(self) -> str:
        """The versions of CodeCarbon that write these columns (its releases, read column by column)."""
        has = set(self.columns)
        if self.is_field_list:
            return "the 33 fields"
        for column, versions in (
            ("cpu_utilization_percent", "3.2.1 or later"),
            ("water_consumed", "3.1 to 3.2.0"),
            ("pue", "2.7.1 to 3.0" if {"experiment_id", "run_id"} <= has else "2.2.5 to 2.7.0"),
            ("codecarbon_version", "2.2 or later"),
            ("cpu_energy", "2.0 or 2.1"),
        ):
            if column in has:
                return versions
        return "before 2.0"


@lru_cache(256)  # the files of a folder mostly have the same one
def read_layout(text: str) -> Layout | None:
    """Read a line as a header.

    Returns:
        What it says; None if it is not a header of CodeCarbon's.
    """
    for delimiter in DELIMITERS:
        names, columns = _names(text, delimiter)
        if {*REQUIRED} <= {*columns} and ONE_OF & {*columns} and len({*columns}) == len(columns):
            return Layout(names, columns, delimiter)
    return None


def require_layout(text: str) -> Layout:
    """Read the first line of a file.

    Raises:
        NotCodeCarbonError: it is not a header of CodeCarbon's; the message says what it lacks.
    """
    if layout := read_layout(text):
        return layout
    columns = max((_names(text, delimiter)[1] for delimiter in DELIMITERS), key=lambda c: len(COLUMNS & {*c}))
    missing = ", ".join(name for name in REQUIRED if name not in columns) or "project_name"
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice and {*REQUIRED} <= {*columns}:
        raise NotCodeCarbonError(f"has two columns of the name {', '.join(twice)}: which one counts?")
    raise NotCodeCarbonError(f"is no CSV file of CodeCarbon: its first line has no column {missing}")


def is_meant_as_header(text: str, delimiter: str) -> bool:
    """Whether a line was meant as a header, though a damaged one."""
    return len(COLUMNS & {*_names(text, delimiter)[1]}) >= NAMES_OF_A_HEADER


def begin_of_a_header(text: str) -> int:
    """Where a header begins within a line, behind a last line that was not ended; 0 if there is none."""
    begins = sorted({match.start() for name in (*COLUMNS, *ALIASES) for match in re.finditer(name, text.lower())} - {0})
    return next((at for at in begins if (found := read_layout(text[at:])) and {*found.columns} <= COLUMNS), 0)


def split_cells(text: str, delimiter: str) -> list[str] | str:
    """Split a line into cells.

    Returns:
        The cells, or why there are none.
    """
    if '"' not in text and "\r" not in text:
        return text.split(delimiter)
    if len(text) > csv.field_size_limit():
        csv.field_size_limit(2**31 - 1)  # as much as a C long holds on Windows
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True))
        if ' "' in text and any(cell.lstrip(" ")[:1] == '"' != cell[:1] for cell in cells):
            cells = next(csv.reader([_without_padding(text)], delimiter=delimiter, strict=True))
        return cells
    except csv.Error as error:
        if '" ' in text and (unpadded := _without_padding(text)) != text:
            return split_cells(unpadded, delimiter)
        if "new-line" in str(error):
            return CR_INSIDE
        return UNTERMINATED if "unexpected end" in str(error) else f"its quotes are not those of a CSV file ({error})"


def _without_padding(text: str) -> str:
    return _PADDED_QUOTE.sub(lambda match: match["before"] or "", text)


def _names(text: str, delimiter: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    cells = split_cells(text, delimiter)
    cells = [] if isinstance(cells, str) else cells
    names = tuple(cell.strip() or f"column {number}" for number, cell in enumerate(cells, start=1))
    return names, tuple(_column(name) for name in names)


def _column(name: str) -> str:
    """CodeCarbon's name for a column; the user's own columns keep theirs."""
    lowered = ALIASES.get(name.lower(), name.lower())
    return lowered if lowered in COLUMNS else name
