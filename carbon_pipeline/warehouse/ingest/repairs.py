"""Rows that CodeCarbon itself has damaged, put right where that is certain.

Two of its bugs change the number of cells in a row: a row appended to a file whose last line was not ended (its issue
43), and columns without a value that are left out when a row is appended (its issue 1304).
"""

import re
from collections.abc import Sequence
from itertools import combinations

from carbon_pipeline.warehouse.ingest.layout import NAMES, NUMBERS, Layout

_TIME = r"20[0-9][0-9]-(?:0[0-9]|1[0-2])-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
_ENDS_IN_A_TIME = re.compile(rf"(.*?)({_TIME})")
_NUMBER = re.compile(r"\s*[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\s*")

_GPUS = re.compile(r"[0-9]+ x .+")
"""How CodeCarbon writes a number of GPUs with their name."""

MAY_BE_LEFT_OUT = ("region", "cloud_provider", "cloud_region", "gpu_count", "gpu_model", "longitude", "latitude")
"""Columns that CodeCarbon may have no value for."""

_TOGETHER = ({"gpu_count", "gpu_model"}, {"longitude", "latitude"}, {"country_name", "country_iso_code"})
"""Columns that both have a value, or neither."""

_PATTERNS = {
    "timestamp": re.compile(rf"{_TIME}(?:\.[0-9]+)?"),
    "country_iso_code": re.compile(r"(?:[A-Za-z]{2,3})?"),
    "python_version": re.compile(r"[0-9]+\.[0-9]+\S*(?: .*)?"),
    "codecarbon_version": re.compile(r"[0-9]+\.[0-9]+\S*"),
    "cpu_count": re.compile(r"[0-9]+(?:\.0)?"),
    "gpu_count": re.compile(r"(?:[0-9]+(?:\.0)?)?"),
    "tracking_mode": re.compile("machine|process"),
    "on_cloud": re.compile("Y|N"),
}


def has_a_time_inside(layout: Layout, cells: Sequence[str]) -> bool:
    """Whether a cell that is no free text ends in a time: two cut rows may have as many cells as a whole one.

    An ID may end in one if all other cells are what they should be.
    """
    free = {"timestamp", "project_name", "task_name", *layout.extra}
    row = dict(zip(layout.columns, map(str.strip, cells), strict=True))
    found = {column for column, cell in row.items() if column not in free and _ends_in_a_time(cell)}
    return bool(found) and not (found <= {"run_id", "experiment_id"} and _fits(row))


def _ends_in_a_time(cell: str) -> bool:
    match = _ENDS_IN_A_TIME.fullmatch(cell)
    return bool(match and match[1])


def is_shifted(layout: Layout, cells: Sequence[str]) -> bool:
    """Whether a row with as many cells as columns has some of them in others: CodeCarbon may leave out several."""
    if len(cells) != len(layout.columns):
        return False
    row = dict(zip(layout.columns, map(str.strip, cells), strict=True))
    return (
        any(_GPUS.fullmatch(cell) for column, cell in row.items() if column in NUMBERS)
        or any(_NUMBER.fullmatch(row.get(column, "")) for column in NAMES)
        or (row.get("on_cloud") == "N" and row.get("cloud_provider", "").lower() not in ("", "none"))
    )


def split_glued(layout: Layout, cells: Sequence[str]) -> list[list[str]]:
    """Split a line that holds several rows.

    Returns:
        The rows, of which some may have too few cells; empty where the line is not of this kind.
    """
    if layout.columns[0] != "timestamp":
        return []  # only a time shows where a row begins within a cell
    rows: list[list[str]] = [[]]
    for position, cell in enumerate(cells):
        match = _ENDS_IN_A_TIME.fullmatch(cell) if position else None
        if match and (match[1] or len(rows[-1]) == len(layout.columns) - 1):
            rows[-1].append(match[1])
            rows.append([match[2]])
        else:
            rows[-1].append(cell)
    return rows if len(rows) > 1 else []


def insert_left_out(layout: Layout, cells: Sequence[str]) -> list[str] | None:
    """Put the cells that CodeCarbon left out back into a row.

    Returns:
        The cells, one for each column; None if no arrangement fits, or several do that say different things.
    """
    missing = len(layout.columns) - len(cells)
    candidates = [column for column in MAY_BE_LEFT_OUT if column in layout.columns]
    found = set()
    for left_out in combinations(candidates, missing):
        waiting = iter(cells)
        row = tuple("" if column in left_out else next(waiting) for column in layout.columns)
        if _fits(dict(zip(layout.columns, map(str.strip, row), strict=True))):
            found.add(row)
    return list(found.pop()) if len(found) == 1 else None


def _fits(row: dict[str, str]) -> bool:
    for column, cell in row.items():
        pattern = _PATTERNS.get(column)
        if pattern is None and column in NUMBERS:
            is_right = bool(_NUMBER.fullmatch(cell)) or (not cell and column in MAY_BE_LEFT_OUT)
        else:
            is_right = pattern is None or bool(pattern.fullmatch(cell))
        if not is_right:
            return False
    if any(len({bool(row[column]) for column in pair if column in row}) > 1 for pair in _TOGETHER):
        return False
    on_cloud = row.get("on_cloud")
    return on_cloud != "N" or not (row.get("cloud_provider") or row.get("cloud_region"))
