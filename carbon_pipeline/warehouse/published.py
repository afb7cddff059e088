"""Queries to the published copy of the warehouse. Everybody who reads goes through here; loading: warehouse.py."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon_pipeline.common.country import all_countries
from carbon_pipeline.errors import InputError
from carbon_pipeline.settings import read_settings
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import WarehouseBusyError, WarehouseDamagedError, locked, open_for_reading
from carbon_pipeline.warehouse.schema import REPORTS

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

FETCH_ROWS = 1000

Parameters = list[Any] | dict[str, Any] | None


class NoSuchReportError(InputError):
    """There is no report of this name."""


class NoSuchRunError(InputError):
    """There is no such run, or a prefix of a run ID fits several."""


class PublishedCopy:
    """The warehouse in a data folder as its readers see it: `reports.duckdb`, a copy that each load replaces.

    Attributes:
        data_dir: the data folder.
        path: `warehouse.duckdb`, for the one writer.
        reports_path: `reports.duckdb`, for readers.
    """

    def __init__(
        self, data_dir: str | Path | None = None, *, timeout_s: float = 120.0, memory_limit: str | None = None
    ) -> None:
        """Open nothing yet.

        Args:
            data_dir: the data folder; default CARBON_DATA_DIR.
            timeout_s: how long to wait for another writer, seconds.
            memory_limit: memory that DuckDB may use, such as 4GB; default CARBON_MEMORY_LIMIT.

        Raises:
            SettingsError: a setting is not usable.
        """
        settings = read_settings(data_dir=data_dir, memory_limit=memory_limit)
        self.data_dir = settings.data_dir
        self.memory_limit = settings.memory_limit
        self.path = self.data_dir / "warehouse.duckdb"
        self.reports_path = self.data_dir / "reports.duckdb"
        self.timeout_s = timeout_s

    def rows(self, query: str, parameters: Parameters = None) -> list[dict[str, Any]]:
        """Query the published copy.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            cursor = connection.execute(query, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def iterate(self, query: str, parameters: Parameters = None) -> Iterator[tuple[Any, ...]]:
        """Query the published copy row by row; in constant memory if there are no parameters.

        Yields:
            The rows as tuples.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            yield from _fetched(_cursor(connection, query, parameters))

    def frame(self, query: str, parameters: Parameters = None) -> "pd.DataFrame":
        """As `rows`, as a pandas frame.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            return connection.execute(query, parameters).df()

    def latest(self, count: int) -> list[dict[str, Any]]:
        """List the runs that ended last, newest first, with the most telling columns of each."""
        return self.rows(sql.statement("queries", "latest_runs"), {"limit": count})

    def count(self) -> int:
        """Count the runs in the published copy."""
        return int(self.rows(sql.statement("queries", "count_runs"))[0]["runs"])

    def quarantined(self, source_files: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """List the rejected rows of some files.

        Returns:
            source_file, line, reason and content of each.
        """
        return self.rows(sql.statement("queries", "quarantined"), {"files": list(source_files), "limit": limit})

    def columns(self, schema: str = "core", table: str = "run") -> list[dict[str, Any]]:
        """List the columns of a table or view: column_name, data_type, comment."""
        return self.rows(sql.statement("queries", "columns"), {"schema": schema, "table": table})

    def runs_between(self, first_day: str, last_day: str) -> list[dict[str, Any]]:
        """List the runs that started on some days.

        Args:
            first_day: the first day, UTC, YYYY-MM-DD.
            last_day: the last one.
        """
        return self.rows(sql.statement("queries", "runs_between"), {"first": first_day, "last": last_day})

    def report(self, name: str, limit: int | None = None) -> list[dict[str, Any]]:
        """Read a view of `report`.

        Args:
            name: its name without the schema.
            limit: how many rows at most; None for all.

        Raises:
            NoSuchReportError: there is no such view.
            WarehouseMissingError: nothing has been published yet.
        """
        names, rows = self.report_rows(name, limit)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def report_rows(self, name: str, limit: int | None = None) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Read a view of `report` row by row, in constant memory.

        Args:
            name: its name without the schema.
            limit: how many rows at most, of `runs` the newest; None for all.

        Returns:
            The names of the columns, and the rows.

        Raises:
            NoSuchReportError: there is no such view.
            WarehouseMissingError: nothing has been published yet.
        """
        if name not in REPORTS:
            raise NoSuchReportError(f"there is no report {name!r}; there are {', '.join(REPORTS)}")
        names = [column["column_name"] for column in self.columns("report", name)]
        if name == "runs" and limit is not None:
            return names, self.iterate(sql.statement("queries", "newest_runs"), {"limit": limit})
        return names, self.iterate(sql.statement("queries", "report"), {"view": f"report.{name}", "limit": limit})

    def runs_in_order(self) -> Iterator[dict[str, Any]]:
        """Read all rows of `report.runs`, oldest first, in constant memory.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        return self._records(sql.statement("queries", "runs_in_order"))

    def codecarbon_layout(self) -> Iterator[dict[str, Any]]:
        """Read all runs in the columns and units that CodeCarbon itself writes, oldest first, in constant memory.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        codes = {country.alpha_2: country.alpha_3 for country in all_countries()}
        for row in self._records(sql.statement("queries", "codecarbon_layout")):
            yield row | {"country_iso_code": codes.get(row["country_iso_code"])}

    def run(self, run_id: str) -> dict[str, Any]:
        """Read one row of `report.runs`.

        Args:
            run_id: the run, or a unique prefix of its ID.

        Returns:
            The row.

        Raises:
            NoSuchRunError: there is no such run, or there are several.
            WarehouseMissingError: nothing has been published yet.
        """
        found = self.rows(sql.statement("queries", "run"), {"prefix": run_id})
        exact = [row for row in found if row["run_id"] == run_id]
        if len(exact or found) != 1:
            many = f"several runs begin with {run_id!r}" if found else f"there is no run {run_id!r}"
            raise NoSuchRunError(f"{many}; `carbon-pipeline report runs --format csv` lists them")
        return (exact or found)[0]

    def spent(self, asset_key: str, period: str, dagster_run_id: str | None = None) -> dict[str, Any] | None:
        """Sum up what an asset has spent.

        Args:
            asset_key: the asset, parts joined by '/'.
            period: `day` or `month`.
            dagster_run_id: the run of Dagster that is judged, if it has a record of the asset; else the latest one.

        Returns:
            The sums of that run, and of the calendar period (UTC) in which it began; None if there is no run.
        """
        parameters = {"asset_key": asset_key, "period": period, "dagster_run_id": dagster_run_id}
        found = self.rows(sql.statement("queries", "spent"), parameters)
        return found[0] if found else None

    def runs_of_asset(self, asset_key: str, dagster_run_id: str | None = None) -> list[dict[str, Any]]:
        """List the completed runs of an asset, with all that two runs have to share to be compared.

        Args:
            asset_key: the asset, parts joined by '/'.
            dagster_run_id: the run of Dagster that comes first, if it has a record of the asset.

        Returns:
            The runs, that one first, then the latest.
        """
        parameters = {"asset_key": asset_key, "dagster_run_id": dagster_run_id}
        return self.rows(sql.statement("queries", "runs_of_asset"), parameters)

    def last_load(self) -> datetime | None:
        """When something was loaded last; None if nothing ever was. It waits for nobody."""
        if not self.reports_path.exists():
            return None
        try:
            (row,) = self.rows(sql.statement("queries", "last_load"))
        except WarehouseDamagedError:  # the next load replaces that copy
            return None
        return row["loaded_at"]  # type: ignore[no-any-return]

    def _records(self, query: str) -> Iterator[dict[str, Any]]:
        with self._reading() as connection:
            cursor = _cursor(connection, query)
            names = [column[0] for column in cursor.description]
            yield from (dict(zip(names, row, strict=True)) for row in _fetched(cursor))

    @contextmanager
    def _reading(self) -> Iterator["DuckDBPyConnection"]:
        """The published copy; while a person's shell holds that one for writing, the warehouse itself."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(open_for_reading(self.reports_path, self.memory_limit))
            except WarehouseBusyError:
                stack.enter_context(locked(self.path, self.timeout_s))
                connection = stack.enter_context(open_for_reading(self.path, self.memory_limit))
            yield connection


def _cursor(connection: "DuckDBPyConnection", query: str, parameters: Parameters = None) -> Any:
    """A result that is read as it is computed: in DuckDB 1.5 a relation, without parameters; in 2.0 any result."""
    if parameters is None and hasattr(relation := connection.sql(query), "fetchmany"):
        return relation
    return connection.execute(query, parameters)


def _fetched(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(FETCH_ROWS):
        yield from rows
