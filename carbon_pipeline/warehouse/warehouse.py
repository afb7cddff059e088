"""The warehouse as the rest of the project sees it: load, import, publish, query."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from carbon_pipeline.files import shown
from carbon_pipeline.tracking.landing import killed_runs, land_killed_runs, landed_files, landing_path
from carbon_pipeline.tracking.record import RunRecord
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.batch import FileResult, SourceFile, load_files
from carbon_pipeline.warehouse.connection import (
    WarehouseBusyError,
    locked,
    open_for_reading,
    open_for_writing,
    publish,
)
from carbon_pipeline.warehouse.csv_import import read_codecarbon_csv
from carbon_pipeline.warehouse.migrate import REPORTS, migrate

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

Parameters = list[Any] | dict[str, Any] | None


class Warehouse:
    """The database in a data folder: `warehouse.duckdb` for the one writer, `reports.duckdb` for readers.

    Example:
        >>> Warehouse("data").frame("FROM report.runs")
    """

    def __init__(self, data_dir: str | Path, timeout_s: float = 120.0):
        """Opens nothing yet.

        Args:
            data_dir: the data folder.
            timeout_s: how long to wait for another writer.
        """
        self.data_dir = Path(data_dir)
        self.path = self.data_dir / "warehouse.duckdb"
        self.reports_path = self.data_dir / "reports.duckdb"
        self.timeout_s = timeout_s

    def load(self) -> list[FileResult]:
        """Loads every record that has landed and is not in the warehouse yet, then publishes.

        Returns:
            What became of each file that was new; empty if nothing was.

        Raises:
            WarehouseBusyError: another process holds the warehouse.
        """
        land_killed_runs(self.data_dir)
        with locked(self.path, self.timeout_s):
            with open_for_writing(self.path) as connection:
                migrate(connection)
                loaded = _loaded_paths(connection)
                new = [path for path in landed_files(self.data_dir) if self._name(path) not in loaded]
                results = load_files(connection, [self._read_record(path) for path in new])
            self.publish()
        return results

    def import_csv(self, paths: Iterable[Path]) -> list[FileResult]:
        """Takes CSV files of CodeCarbon into the warehouse, all of them or none, then publishes.

        Args:
            paths: the files.

        Returns:
            What became of each file.

        Raises:
            NotCodeCarbonError: one of them is not CodeCarbon's; nothing was loaded.
            WarehouseBusyError: another process holds the warehouse.
        """
        files = [read_codecarbon_csv(path) for path in paths]
        with locked(self.path, self.timeout_s):
            with open_for_writing(self.path) as connection:
                migrate(connection)
                results = load_files(connection, files)
            self.publish()
        return results

    def publish(self) -> None:
        """Swaps in a fresh copy for readers."""
        publish(self.path, self.reports_path, self.timeout_s)

    def pending(self) -> list[Path]:
        """Records that have landed since the last load, and killed runs that would; it waits for nobody.

        Returns:
            The files, in the order in which a load would take them.
        """
        loaded: set[str] = set()
        if self.reports_path.exists():
            with self._reading() as connection:
                loaded = _loaded_paths(connection)
        killed = [landing_path(record, self.data_dir) for record in killed_runs(self.data_dir)]
        return [path for path in (*landed_files(self.data_dir), *killed) if self._name(path) not in loaded]

    def rows(self, query: str, parameters: Parameters = None) -> list[dict[str, Any]]:
        """Asks the published copy.

        Args:
            query: SQL.
            parameters: values for its `?` or `$name`.

        Returns:
            The rows as mappings.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            cursor = connection.execute(query, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def frame(self, query: str, parameters: Parameters = None) -> "pd.DataFrame":
        """As `rows`, as a pandas frame.

        Args:
            query: SQL.
            parameters: values for its `?` or `$name`.

        Returns:
            The frame.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            return connection.execute(query, parameters).df()

    def latest(self, count: int) -> list[dict[str, Any]]:
        """The runs that ended last, newest first.

        Args:
            count: how many at most.

        Returns:
            The most telling columns of each.
        """
        return self.rows(sql.statement("queries", "latest_runs"), [count])

    def count(self) -> int:
        """The number of runs in the published copy."""
        return int(self.rows(sql.statement("queries", "count_runs"))[0]["runs"])

    def columns(self) -> list[dict[str, Any]]:
        """The columns of `core.run`: column_name, data_type, comment."""
        return self.rows(sql.statement("queries", "run_columns"))

    def report(self, name: str, limit: int | None = None) -> list[dict[str, Any]]:
        """A view of `report`.

        Args:
            name: its name without the schema.
            limit: how many rows at most; None for all.

        Returns:
            Its rows.

        Raises:
            ValueError: there is no such view.
            WarehouseMissingError: nothing has been published yet.
        """
        if name not in REPORTS:
            raise ValueError(f"there is no report {name!r}; there are {', '.join(REPORTS)}")
        return self.rows(sql.statement("queries", "report"), {"view": f"report.{name}", "limit": limit})

    @contextmanager
    def _reading(self) -> Iterator["DuckDBPyConnection"]:
        """The published copy; while a person's shell holds that one for writing, the warehouse itself."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(open_for_reading(self.reports_path))
            except WarehouseBusyError:
                stack.enter_context(locked(self.path, self.timeout_s))
                connection = stack.enter_context(open_for_reading(self.path))
            yield connection

    def _name(self, path: Path) -> str:
        return shown(path.relative_to(self.data_dir))

    def _read_record(self, path: Path) -> SourceFile:
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            return SourceFile(self._name(path), _sha256(f"{path}: {reason}".encode()), "record", [], [(1, reason, "")])
        file = SourceFile(self._name(path), _sha256(content), "record")
        text = content.decode("utf-8", "backslashreplace")
        try:
            record = RunRecord.model_validate_json(content)
        except ValidationError as error:
            reasons = (f"{'.'.join(map(str, part['loc'])) or 'file'}: {part['msg']}" for part in error.errors())
            file.refused.append((1, "; ".join(reasons), text))
        else:
            file.rows.append((1, text, record.model_dump_json()))
        return file


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _loaded_paths(connection: "DuckDBPyConnection") -> set[str]:
    return {path for (path,) in connection.execute(sql.statement("queries", "loaded_paths")).fetchall()}
