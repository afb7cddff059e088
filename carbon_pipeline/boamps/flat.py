"""Reports as rows of one wide table, in the column names of BoAmps' flattener: `measures_0_powerConsumption`."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

from carbon_pipeline.boamps.model import Part, Report

Kind = Literal["VARCHAR", "DOUBLE", "BIGINT"]
Column = tuple[str, Kind]
"""A column's name, and its type in DuckDB."""


def flatten(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a report.

    Args:
        part: what its JSON says.
        name: path so far.

    Yields:
        The path of each leaf, parts joined by `_`, places in a list by their number from 0; and its value.
    """
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from flatten(value, f"{name}_{key}" if name else str(key))
    else:
        yield name, part


def columns(names: Iterable[str]) -> list[Column]:
    """The columns of the table, in the order of the datamodel.

    Args:
        names: the columns that occur.

    Returns:
        Each once, with its type.
    """
    found = {name: _look_up(name) for name in names}
    return [(name, kind) for name, (_, kind) in sorted(found.items(), key=lambda item: item[1][0])]


def _look_up(name: str) -> tuple[list[int], Kind]:
    """Where a leaf stands in the datamodel, step by step, and of which type it is."""
    place: list[int] = []
    part: type[Part] = Report
    kinds: list[Any] = []
    for step in name.split("_"):
        if step.isdigit():
            place.append(int(step))
            continue
        aliases = [field.alias for field in part.model_fields.values()]
        place.append(aliases.index(step))
        kinds = list(_kinds(list(part.model_fields.values())[place[-1]].annotation))
        part = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Part)), part)
    return place, "DOUBLE" if float in kinds else "BIGINT" if int in kinds else "VARCHAR"


def _kinds(annotation: Any) -> Iterator[Any]:
    """All types in an annotation."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)
