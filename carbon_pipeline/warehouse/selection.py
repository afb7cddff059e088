"""A part of a report: which of its rows, in which order, and what all of them add up to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from carbon_pipeline.errors import InputError
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.schema import BASED_ON, REPORTS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation, Expression

    from carbon_pipeline.warehouse.published import PublishedCopy

IN_ORDER_OF_ENDS = ("runs", "counted_runs")
"""Reports with a row for each run, of which the newest come first where not all are read."""

TIMES = ("day", "at", "started_at", "loaded_at")
"""The columns that --since and --until refer to; of several, the first that a report has."""

FILTERS = frozenset(("project", "asset", "time"))

WHOLE_STEPS = ("same_work", "energy_per_phase")
"""Reports in which a step that makes several assets is not divided among them."""

WORDS = ("VARCHAR", "BOOLEAN")
"""Types that are sorted from the first to the last; numbers and times begin with the largest."""

ROWS_AT_A_TIME = 10_000


class NoSuchReportError(InputError):
    """There is no report of this name."""


class NoSuchColumnError(InputError):
    """The report lacks a column that was asked for, or one that a filter needs."""


@dataclass(frozen=True)
class Selection:
    """What is wanted of a report.

    Attributes:
        project: only this project.
        asset: only this asset (parts joined by '/'), or what else was tracked under this name.
        since: only what began then or later.
        until: only what began before.
        sort: columns, each with `:asc` or `:desc` if it is not to begin with the largest number, or the first word.
        columns: only these columns; empty for all.
        limit: how many rows at most.
    """

    project: str | None = None
    asset: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: Sequence[str] = ()
    columns: Sequence[str] = ()
    limit: int | None = None


class SelectedReport:
    """Rows of a report in the published copy of a warehouse.

    Attributes:
        types: the type of each column of the report, by its name.
    """

    def __init__(self, published: "PublishedCopy", name: str, wanted: Selection | None = None) -> None:
        """Check what is wanted; no row is read yet.

        Raises:
            NoSuchReportError: there is no such report.
            NoSuchColumnError: it lacks a column.
            WarehouseMissingError: nothing has been published yet.
        """
        if name not in REPORTS:
            near = get_close_matches(name, REPORTS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise NoSuchReportError(f"there is no report {name!r}; there are {', '.join(REPORTS)}.{hint}")
        self.name = name
        self._published = published
        self._wanted = wanted or Selection()
        self.types = {row["column_name"]: row["data_type"] for row in published.columns("report", name)}
        self._order = [self._checked_order(text) for text in self._wanted.sort]
        for column in self._wanted.columns:
            self._check_column(column, "--columns")
        self._check_filters()

    @property
    def columns(self) -> list[str]:
        """The columns of the rows."""
        return list(self._wanted.columns) or list(self.types)

    @property
    def is_all(self) -> bool:
        """Whether there is no filter."""
        wanted = self._wanted
        return (wanted.project, wanted.asset, wanted.since, wanted.until) == (None,) * 4

    def rows(self, columns: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Read the rows, some thousands at a time.

        Args:
            columns: only these columns; empty for those that are wanted.
        """
        names = list(columns) or self.columns
        with self._published.reading() as connection:
            if self.name in IN_ORDER_OF_ENDS and not self._order and self._wanted.limit is None:
                for after, until in self._published.windows(connection):
                    ended = _column("ended_at")
                    window = self._filtered(connection).filter((ended > _value(after)) & (ended <= _value(until)))
                    ordered = window.sort(ended, _column("run_id"))
                    yield from _dicts(connection, ordered.select(*map(_column, names)), names)
            else:
                yield from _dicts(connection, self._sorted(connection).select(*map(_column, names)), names)

    def totals(self, additive: Sequence[str]) -> dict[str, Any]:
        """Add up all rows that the filters leave, whatever the limit.

        Args:
            additive: the columns to add up. The ends of an interval are added up only where each row that has the
                value has an interval, too.

        Returns:
            The sums by column, and `rows`.
        """
        sums = [self._sum(name).alias(name) for name in additive if name in self.types]
        with self._published.reading() as connection:
            found = self._filtered(connection).aggregate([_function("count_star").alias("rows"), *sums])
            return next(_dicts(connection, found, found.columns))

    @property
    def has_whole_steps(self) -> bool:
        """Whether a filter by asset leaves steps that made other assets too, with the energy of all of them."""
        if self._wanted.asset is None or "asset" in self._beneath() or "asset_key" not in self.types:
            return False
        with self._published.reading() as connection:
            several = _function("contains", _column("asset_key"), _value(", "))
            return bool(connection.execute(self._filtered(connection).filter(several).limit(1).sql_query()).fetchall())

    def _sum(self, name: str) -> "Expression":
        from duckdb import CaseExpression

        total = _function("sum", _column(name))
        value = name.replace("energy_low", "estimate").replace("energy_high", "estimate")
        if value == name or value not in self.types:
            return total
        is_open = _column(value).isnotnull() & _column(name).isnull()
        return CaseExpression(_function("count_if", is_open) == _value(0), total)

    def _sorted(self, connection: "DuckDBPyConnection") -> "DuckDBPyRelation":
        """The rows in their order, no more than the limit."""
        found, limit = self._filtered(connection), self._wanted.limit
        if self._order:
            found = found.sort(*self._order)
        elif self.name in IN_ORDER_OF_ENDS and limit is not None:
            # Found first by their ends alone, so that time and memory are spent on a few only.
            ended = _column("ended_at")
            ends = found
            if self.name == "runs" and self.is_all:  # 80 times faster where nothing has to be joined
                ends = connection.table_function("query_table", ["raw.measurement"]).filter(_column("is_current"))
            newest = ends.select(ended).sort(ended.desc()).limit(limit)
            first = newest.aggregate([_function("min", ended)]).fetchall()[0][0]
            found = found.filter(ended >= _value(first)).sort(ended.desc(), _column("run_id").desc())
        return found if limit is None else found.limit(limit)

    def _filtered(self, connection: "DuckDBPyConnection") -> "DuckDBPyRelation":
        """The rows that the filters leave: filters that the report lacks the columns for apply to the runs beneath."""
        beneath = self._beneath()
        if not beneath:
            return self._where(connection.table_function("query_table", [f"report.{self.name}"]), self.types, FILTERS)
        base = BASED_ON[self.name]
        runs = connection.table_function("query_table", [f"report.{base}"])
        if "asset" in beneath and base == "counted_runs":  # of a step that made others too, only the asset's share
            from duckdb import StarExpression

            runs = connection.table_function("query_table", ["report.asset_runs"]).select(
                StarExpression(exclude=["attributed_share", "estimate_share"]),
                _column("share").alias("attributed_share"),
                _column("share_of_estimate").alias("estimate_share"),
            )
        runs = self._where(runs, {"started_at": "TIMESTAMP WITH TIME ZONE", "name": "VARCHAR"}, beneath)
        connection.execute(sql.statement("queries", "look_in_report"))  # the macro has no other name for a relation
        found = connection.table_function(f"{self.name}_of", [runs.sql_query()])
        return self._where(found, self.types, FILTERS - beneath)

    def _beneath(self) -> frozenset[str]:
        """The filters that apply to the runs of which the report is."""
        base, wanted = BASED_ON.get(self.name), self._wanted
        if base is None:
            return frozenset()
        is_by_step = base == "counted_runs" and self.name not in WHOLE_STEPS
        return frozenset(
            name
            for name, is_wanted, is_beneath in (
                ("project", wanted.project is not None, "project_name" not in self.types),
                ("asset", wanted.asset is not None, is_by_step or "asset_key" not in self.types),
                ("time", (wanted.since or wanted.until) is not None, "day" not in self.types),
            )
            if is_wanted and is_beneath
        )

    def _where(
        self, found: "DuckDBPyRelation", types: Mapping[str, str], filters: frozenset[str]
    ) -> "DuckDBPyRelation":
        wanted = self._wanted
        if wanted.project is not None and "project" in filters:
            found = found.filter(_column("project_name") == _value(wanted.project))
        if wanted.asset is not None and "asset" in filters:
            key, name = _column("asset_key"), next((name for name in ("run_name", "name") if name in types), None)
            is_made = _function("list_contains", _function("string_split", key, _value(", ")), _value(wanted.asset))
            found = found.filter(
                is_made | (key.isnull() & (_column(name) == _value(wanted.asset))) if name else is_made
            )
        time = next((name for name in TIMES if name in types), "")
        if wanted.since is not None and "time" in filters:
            found = found.filter(_column(time) >= _value(_bound(types[time], wanted.since)))
        if wanted.until is not None and "time" in filters:
            found = found.filter(_column(time) < _value(_bound(types[time], wanted.until, is_end=True)))
        return found

    def _checked_order(self, text: str) -> "Expression":
        name, _, direction = text.partition(":")
        self._check_column(name, "--sort")
        if direction not in ("", "asc", "desc"):
            raise InputError(f"--sort {text}: after the colon, write asc or desc")
        is_rising = direction == "asc" or (not direction and self.types[name].startswith(WORDS))
        return (_column(name).asc() if is_rising else _column(name).desc()).nulls_last()

    def _check_column(self, name: str, option: str) -> None:
        if name in self.types:
            return
        near = get_close_matches(name, self.types, n=4)
        near += [column for column in self.types if name and name in column and column not in near]
        names = ", ".join(near[:6] or self.types)
        raise NoSuchColumnError(f"{option}: report.{self.name} has no column {name!r}; it has {names}")

    def _check_filters(self) -> None:
        wanted = self._wanted
        needs = (
            (wanted.project, "--project", ("project_name",)),
            (wanted.asset, "--asset", ("asset_key",)),
            (wanted.since or wanted.until, "--since" if wanted.since else "--until", TIMES),
        )
        for value, option, names in needs:
            if value is not None and self.name not in BASED_ON and not any(name in self.types for name in names):
                others = [name for name in REPORTS if self._has_any(name, names)]
                what = f"column {names[0]}" if len(names) == 1 else "column of times"
                raise NoSuchColumnError(
                    f"{option}: report.{self.name} has no {what}; reports that have one: {', '.join(others)}"
                )

    def _has_any(self, report: str, names: Sequence[str]) -> bool:
        return report in BASED_ON or any(
            row["column_name"] in names for row in self._published.columns("report", report)
        )


def _bound(kind: str, moment: datetime, *, is_end: bool = False) -> datetime | date:
    """The moment as a column of this type has it: a day is shown if any of its time is in the period."""
    if kind != "DATE":
        return moment
    day = moment.astimezone(UTC).date()
    return day + timedelta(days=1) if is_end and moment.astimezone(UTC).time() != datetime.min.time() else day


def _column(name: str) -> "Expression":
    from duckdb import ColumnExpression

    return ColumnExpression(name)


def _value(value: Any) -> "Expression":
    from duckdb import ConstantExpression

    return ConstantExpression(value)


def _function(name: str, *arguments: "Expression") -> "Expression":
    from duckdb import FunctionExpression

    return FunctionExpression(name, *arguments)


def _dicts(
    connection: "DuckDBPyConnection", relation: "DuckDBPyRelation", names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(relation.sql_query())  # a relation of DuckDB 2.0 cannot be fetched in parts
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        for row in rows:
            yield dict(zip(names, row, strict=True))
