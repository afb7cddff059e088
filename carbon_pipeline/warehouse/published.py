"""Queries to the published copy of the warehouse. Everybody who reads goes through here; loading: warehouse.py."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon_pipeline.common.country import all_countries
from carbon_pipeline.errors import InputError
from carbon_pipeline.settings import read_settings
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import WarehouseBusyError, WarehouseDamagedError, locked, open_for_reading
from carbon_pipeline.warehouse.selection import SelectedReport, Selection

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

WINDOW_ROWS = 10_000
"""Runs that are read at a time where all are read."""

Parameters = list[Any] | dict[str, Any] | None


class NoSuchRunError(InputError):
    """There is no such run, or a prefix of a run ID fits several."""


class PublishedCopy:
    """The warehouse in a data folder as its readers see it: `reports.duckdb`, a copy that each load replaces.

    Attributes:
        data_dir: the data folder.
        path: `warehouse.duckdb`, for the one writer.
        reports_path: `reports.duckdb`, for readers.
        landing_url: the object store of several machines, if there is one.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        *,
        timeout_s: float = 120.0,
        memory_limit: str | None = None,
        landing_url: str | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            data_dir: the data folder; default CARBON_DATA_DIR.
            timeout_s: how long to wait for another writer, seconds.
            memory_limit: memory that DuckDB may use, such as 4GB; default CARBON_MEMORY_LIMIT.
            landing_url: the object store of several machines, if there is one; default CARBON_LANDING_URL.

        Raises:
            SettingsError: a setting is not usable.
        """
        settings = read_settings(data_dir=data_dir, memory_limit=memory_limit, landing_url=landing_url)
        self.data_dir = settings.data_dir
        self.memory_limit = settings.memory_limit
        self.landing_url = settings.landing_url
        self.path = self.data_dir / "warehouse.duckdb"
        self.reports_path = self.data_dir / "reports.duckdb"
        self.timeout_s = timeout_s

    def rows(self, query: str, parameters: Parameters = None) -> list[dict[str, Any]]:
        """Query the published copy.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self.reading() as connection:
            return sql.dicts(connection.execute(query, parameters))

    def in_order(self, query: str, parameters: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Query the runs in the order in which they ended, some thousands at a time, in constant memory.

        Args:
            query: of the runs that ended after $after and until $until.
            parameters: its other parameters.

        Yields:
            Its rows.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self.reading() as connection:
            for after, until in self.windows(connection):
                bounds = {"after": after, "until": until}
                yield from sql.dicts(connection.execute(query, {**bounds, **(parameters or {})}))

    def windows(self, connection: "DuckDBPyConnection") -> Iterator[tuple[datetime, datetime]]:
        """Divide the runs by their ends: after which moment and until which one some thousands each ended."""
        after = datetime.min.replace(tzinfo=UTC)
        while True:
            until = sql.ask(connection, "queries", "next_window", after=after, rows=WINDOW_ROWS)[0]["until"]
            if until is None:
                return
            yield after, until
            after = until

    def frame(self, query: str, parameters: Parameters = None) -> "pd.DataFrame":
        """As `rows`, as a pandas frame.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self.reading() as connection:
            return connection.execute(query, parameters).df()

    def latest(self, count: int) -> list[dict[str, Any]]:
        """List the runs that ended last, newest first: rows of `report.runs`."""
        return self.rows(sql.statement("queries", "newest_runs"), {"limit": count})

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
        """List the runs of some days, each on each of its days with the energy and emissions of that day.

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
        return list(self.report_rows(name, limit))

    def report_rows(self, name: str, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Read a view of `report` row by row; all runs in constant memory.

        Args:
            name: its name without the schema.
            limit: how many rows at most, of `runs` the newest; None for all.

        Returns:
            The rows.

        Raises:
            NoSuchReportError: there is no such view.
            WarehouseMissingError: nothing has been published yet.
        """
        return self.select(name, Selection(limit=limit)).rows()

    def select(self, name: str, wanted: Selection | None = None) -> SelectedReport:
        """Select rows of a view of `report`.

        Args:
            name: its name without the schema.
            wanted: filters, order, columns and limit; by default all.

        Raises:
            NoSuchReportError: there is no such view.
            NoSuchColumnError: it lacks a column.
            WarehouseMissingError: nothing has been published yet.
        """
        return SelectedReport(self, name, wanted)

    def counted_runs(self) -> Iterator[dict[str, Any]]:
        """Read all rows of `report.counted_runs` in the order in which the runs ended, in constant memory.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        return self.in_order(sql.statement("queries", "counted_in_order"))

    def codecarbon_layout(self) -> Iterator[dict[str, Any]]:
        """Read all runs in the columns and units that CodeCarbon itself writes, in constant memory.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        codes = {country.alpha_2: country.alpha_3 for country in all_countries()}
        for row in self.in_order(sql.statement("queries", "codecarbon_layout")):
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

    def spent(self, asset_key: str, period: str, dagster_run_id: str | None = None) -> list[dict[str, Any]]:
        """Sum up what an asset has spent.

        Args:
            asset_key: the asset, parts joined by '/'.
            period: `day` or `month`.
            dagster_run_id: the run of Dagster that is judged, if it has a record of the asset; else the latest one.

        Returns:
            The sums of that run and of a calendar period (UTC), for each period that it was in; nothing if there is no
            run.
        """
        parameters = {"asset_key": asset_key, "period": period, "dagster_run_id": dagster_run_id}
        return self.rows(sql.statement("queries", "spent"), parameters)

    def runs_of_asset(self, asset_key: str, dagster_run_id: str | None = None) -> list[dict[str, Any]]:
        """List the completed runs of an asset, with all that two runs have to share to be compared.

        Args:
            asset_key: the asset, parts joined by '/'.
            dagster_run_id: the run of Dagster that comes first, if it has a record of the asset.

        Returns:
            The runs, that one first, then the latest.
        """
        runs = [run for run in self.group("asset", asset_key) if run["status"] == "completed"]
        return sorted(runs, key=lambda run: run["run"] != dagster_run_id)

    def group(
        self, kind: str, name: str | None = None, first_day: date | None = None, last_day: date | None = None
    ) -> list[dict[str, Any]]:
        """List the runs of a group, with all that two runs have to share to be compared.

        Args:
            kind: `project`, `asset` or `run`; or `period`, the runs that began on its days.
            name: name of the project or asset (parts joined by '/'), or ID of the run; of a period, the only project.
            first_day: first day of the period, UTC.
            last_day: last day of the period.

        Returns:
            The runs, the latest first, with the energy attributed to each; failed ones too. The records that a run of
            Dagster has of an asset are one.
        """
        parameters = {"kind": kind, "name": name, "first": first_day, "last": last_day}
        return self.rows(sql.statement("queries", "group_of_runs"), parameters)

    def last_load(self) -> datetime | None:
        """When something was loaded last; None if nothing ever was. It waits for nobody."""
        if not self.reports_path.exists():
            return None
        try:
            (row,) = self.rows(sql.statement("queries", "last_load"))
        except WarehouseDamagedError:  # the next load replaces that copy
            return None
        return row["loaded_at"]  # type: ignore[no-any-return]

    @contextmanager
    def reading(self) -> Iterator["DuckDBPyConnection"]:
        """Open the published copy; while a person's shell holds that one for writing, the warehouse itself."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(open_for_reading(self.reports_path, self.memory_limit))
            except WarehouseBusyError:
                stack.enter_context(locked(self.path, self.timeout_s))
                connection = stack.enter_context(open_for_reading(self.path, self.memory_limit))
            yield connection
