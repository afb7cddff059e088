"""Reports as rows of one wide table, in the column names of BoAmps' flattener: `measures_0_powerConsumption`."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from carbon_pipeline.boamps.model import Part, Report
from carbon_pipeline.boamps.structure import fields_of

Kind = Literal["VARCHAR", "DOUBLE", "BIGINT"]
Column = tuple[str, Kind]
"""A column's name, and its type in DuckDB."""


def flatten(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Iterate over the leaves of a report.

    Args:
        part: the report, or a part of it, as parsed JSON.
        name: path of the part within the report.

    Yields:
        The path of each leaf, its steps joined by `_` and list items numbered from 0; and the value.
    """
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from flatten(value, f"{name}_{key}" if name else str(key))
    else:
        yield name, part


def columns(names: Iterable[str]) -> list[Column]:
    """The columns of the table in the order of the datamodel, each once and with its type."""
    found = {name: _look_up(name) for name in names}
    return [(name, kind) for name, (_, kind) in sorted(found.items(), key=lambda item: item[1][0])]


def _look_up(name: str) -> tuple[list[int], Kind]:
    """Position of a leaf in the datamodel, one number per step of its path, and its type."""
    place: list[int] = []
    part: type[Part] = Report
    types: tuple[Any, ...] = ()
    for step in name.split("_"):
        if step.isdigit():
            place.append(int(step))
            continue
        fields = fields_of(part)
        place.append(list(fields).index(step))
        types = fields[step].types
        part = fields[step].part or part
    return place, "DOUBLE" if float in types else "BIGINT" if int in types else "VARCHAR"
