"""Groups of runs by what a user calls them: a project, an asset, a run or a period. How they are compared: model/."""

from collections.abc import Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple

from carbon_pipeline.common.period import PERIODS, parse_period
from carbon_pipeline.errors import InputError
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.published import PublishedCopy

MOST_NAMES = 3
"""Similar names that an error lists."""

FEWEST_CHARACTERS = 4
"""Characters of a run ID that are taken for one without --by."""


class By(StrEnum):
    """What names a group of runs."""

    project = "project"
    asset = "asset"
    run = "run"
    period = "period"


class NoSuchGroupError(InputError):
    """A name fits no group of runs, or several kinds of them."""


class Group(NamedTuple):
    """A group of runs.

    Attributes:
        by: what names it.
        name: as the user wrote it.
        runs: rows of `PublishedCopy.group`.
    """

    by: By
    name: str
    runs: list[dict[str, Any]]


def find_groups(
    warehouse: PublishedCopy, names: Sequence[str], by: By | None = None, project: str | None = None
) -> list[Group]:
    """Find groups of runs of one kind.

    Args:
        warehouse: the warehouse.
        names: their names; runs by a unique prefix of their ID.
        by: what the names are; None to find out.
        project: the only project of periods.

    Raises:
        NoSuchGroupError: there is no such group, the names are of different or several kinds, or groups share runs.
        NoSuchRunError: there is no run of this ID.
    """
    known = warehouse.rows(sql.statement("queries", "group_names"))
    if by is None:
        by = _kind(warehouse, names, known)
    groups = [Group(by, name, _runs(warehouse, by, name, known, project)) for name in names]
    common = set.intersection(*({run["run"] for run in group.runs} for group in groups))
    if common:
        raise NoSuchGroupError(
            f"{' and '.join(map(repr, names))} have {len(common):,} of their runs in common: compare groups without any"
        )
    return groups


def _kind(warehouse: PublishedCopy, names: Sequence[str], known: Sequence[dict[str, Any]]) -> By:
    kinds = {name: _kinds(warehouse, name, known) for name in names}
    for name, found in kinds.items():
        if not found:
            raise _unknown(name, known)
    common = set.intersection(*kinds.values())
    if len(common) == 1:
        return common.pop()
    if common:
        options = " or ".join(f"--by {kind}" for kind in sorted(common))
        raise NoSuchGroupError(f"{' and '.join(map(repr, names))} can be several things: add {options}")
    are = ", ".join(f"{name!r} as {' or '.join(sorted(found))}" for name, found in kinds.items())
    raise NoSuchGroupError(f"the two are not of one kind: {are}")


def _kinds(warehouse: PublishedCopy, name: str, known: Sequence[dict[str, Any]]) -> set[By]:
    kinds = {By(row["kind"]) for row in known if row["name"] == name and row["kind"] != "tracked"}
    if parse_period(name):
        kinds.add(By.period)
    if len(name) >= FEWEST_CHARACTERS and warehouse.rows(sql.statement("queries", "run"), {"prefix": name}):
        kinds.add(By.run)
    if not kinds and any(
        row["name"] == name for row in known
    ):  # only the name of what was tracked, which often is a project's
        kinds.add(By.asset)
    return kinds


def _runs(
    warehouse: PublishedCopy, by: By, name: str, known: Sequence[dict[str, Any]], project: str | None
) -> list[dict[str, Any]]:
    if by is By.period:
        days = parse_period(name)
        if days is None:
            raise NoSuchGroupError(f"{name!r} is no period: write it as {PERIODS}")
        if project is not None and not any(row == {"kind": "project", "name": project} for row in known):
            raise _unknown(project, known, By.project)
        return warehouse.group(by, project, *days)
    if project is not None:
        raise NoSuchGroupError("--project is for periods")
    if by is By.run:
        return warehouse.group(by, warehouse.run(name)["run_id"])
    kinds = [row["kind"] for row in known if _by(row) == by and row["name"] == name]
    if not kinds:
        raise _unknown(name, known, by)
    return warehouse.group(min(kinds), name)  # an asset before what else was tracked by its name


def _by(row: dict[str, Any]) -> By:
    """The kind of a row of `group_names`: whatever was tracked is named as an asset is."""
    return By.asset if row["kind"] == "tracked" else By(row["kind"])


def _unknown(name: str, known: Sequence[dict[str, Any]], by: By | None = None) -> NoSuchGroupError:
    names = {row["name"].casefold(): row["name"] for row in known if by is None or _by(row) == by}
    near = get_close_matches(name.casefold(), names, MOST_NAMES)
    if near:
        hint = f"did you mean {' or '.join(repr(names[key]) for key in near)}?"
    else:
        view = f"by_{by or By.project}"
        hint = f"`carbon-pipeline report {view}` lists names" + ("" if by else f"; a period is written as {PERIODS}")
    return NoSuchGroupError(f"there is no {by or 'project, asset, run or period'} {name!r}: {hint}")
