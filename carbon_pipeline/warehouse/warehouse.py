"""The warehouse as the rest of the project sees it: load, import, publish, query."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.landing import FOLDER, killed_runs, land_killed_runs, landed_files, landing_path
from carbon_pipeline.tracking.signals import defer_sigint
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.batch import FileResult, SourceFile, load_files
from carbon_pipeline.warehouse.connection import (
    WarehouseBusyError,
    locked,
    open_for_reading,
    open_for_writing,
)
from carbon_pipeline.warehouse.csv_import import read_files, read_kept, require_codecarbon
from carbon_pipeline.warehouse.csv_reader import Row
from carbon_pipeline.warehouse.inbox import Keeper, dropped_files, fingerprint, kept_archives, recover
from carbon_pipeline.warehouse.landing_archive import Compacted, archives, compact, read_archive
from carbon_pipeline.warehouse.progress import Progress
from carbon_pipeline.warehouse.publish import publish
from carbon_pipeline.warehouse.schema import REPORTS, prepare_schema

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    _Files = Callable[[DuckDBPyConnection, Keeper], Iterable[SourceFile]]

FETCH_ROWS = 1000

Parameters = list[Any] | dict[str, Any] | None


class NoSuchReportError(InputError):
    """There is no report of this name."""


class NoSuchRunError(InputError):
    """There is no such run, or a prefix of a run ID fits several."""


class Warehouse:
    """The database in a data folder: `warehouse.duckdb` for the one writer, `reports.duckdb` for readers.

    Example:
        >>> warehouse = Warehouse("data")
        >>> warehouse.reports_path.as_posix()
        'data/reports.duckdb'
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

    def load(self, progress: Progress | None = None) -> list[FileResult]:
        """Loads what has landed or was dropped into the inbox and is not in the warehouse yet, then publishes.

        A warehouse that is not there is made again from all that has ever been loaded.

        Returns:
            What became of each file that was new; empty if nothing was.

        Raises:
            WarehouseBusyError: another process holds the warehouse.
        """
        land_killed_runs(self.data_dir)
        return self._load(self._whatever_is_new, progress)

    def import_csv(self, paths: Iterable[Path], progress: Progress | None = None) -> list[FileResult]:
        """Takes CSV files of CodeCarbon into the warehouse, all of them or none, then publishes.

        Returns:
            What became of each file.

        Raises:
            NotCodeCarbonError: one of them is not CodeCarbon's; nothing was loaded.
            WarehouseBusyError: another process holds the warehouse.
        """
        paths = list(paths)
        for path in paths:
            require_codecarbon(path)
        if progress:
            progress.total_bytes += sum(path.stat().st_size for path in paths)
        return self._load(lambda _, keeper: read_files(paths, keeper, self.data_dir), progress)

    def publish(self) -> None:
        """Swaps in a fresh copy for readers."""
        publish(self.path, self.reports_path, self.timeout_s, self.memory_limit)

    def compact(self) -> Compacted:
        """Puts the loaded records of past days together, a Parquet file for each day.

        Raises:
            WarehouseBusyError: another process holds the warehouse.
            LostError: a file reads back as something else than was written; nothing was deleted.
        """
        with locked(self.path, self.timeout_s):
            if not self.path.exists():
                return Compacted(0, [])
            with open_for_reading(self.path, self.memory_limit) as connection:
                rows = connection.execute(sql.statement("queries", "loaded_records")).fetchall()
            return compact(self.data_dir, {name for (name,) in rows}, self.memory_limit)

    def fresh(self) -> list[Path]:
        """Files in the inbox that have just been changed: the next load takes them."""
        return dropped_files(self.data_dir).fresh

    def pending(self) -> list[Path]:
        """What has landed or was dropped into the inbox since the last load, and killed runs; it waits for nobody.

        Returns:
            The files, in the order in which a load would take them.
        """
        loaded: dict[str, str | None] = {}
        if self.reports_path.exists():
            with self._reading() as connection:
                loaded = _loaded_paths(connection)
        killed = [landing_path(record, self.data_dir) for record in killed_runs(self.data_dir)]
        landed = [path for path in (*landed_files(self.data_dir), *killed) if self._name(path) not in loaded]
        return [*landed, *self._new_in_inbox(loaded)]

    def everything(self) -> Iterator[SourceFile]:
        """All that has ever been loaded, as it is kept: what the warehouse can be made again from.

        Yields:
            The landed records, by themselves or put together, then the imported files in the order of their loads.
        """
        yield from self._archived_records()
        yield from map(self._read_record, landed_files(self.data_dir))
        for archive in kept_archives(self.data_dir):
            yield from read_kept(archive)

    def rows(self, query: str, parameters: Parameters = None) -> list[dict[str, Any]]:
        """Asks the published copy.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            cursor = connection.execute(query, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def iterate(self, query: str, parameters: Parameters = None) -> Iterator[tuple[Any, ...]]:
        """Query the published copy row by row, in constant memory.

        Yields:
            The rows as tuples.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            cursor = connection.execute(query, parameters)
            while rows := cursor.fetchmany(FETCH_ROWS):
                yield from rows

    def frame(self, query: str, parameters: Parameters = None) -> "pd.DataFrame":
        """As `rows`, as a pandas frame.

        Raises:
            WarehouseMissingError: nothing has been published yet.
        """
        with self._reading() as connection:
            return connection.execute(query, parameters).df()

    def latest(self, count: int) -> list[dict[str, Any]]:
        """The runs that ended last, newest first, with the most telling columns of each."""
        return self.rows(sql.statement("queries", "latest_runs"), [count])

    def count(self) -> int:
        """The number of runs in the published copy."""
        return int(self.rows(sql.statement("queries", "count_runs"))[0]["runs"])

    def quarantined(self, source_files: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Rows of files that were refused.

        Returns:
            source_file, line, reason and content of each.
        """
        return self.rows(sql.statement("queries", "quarantined"), {"files": list(source_files), "limit": limit})

    def columns(self, schema: str = "core", table: str = "run") -> list[dict[str, Any]]:
        """The columns of a table or view: column_name, data_type, comment."""
        return self.rows(sql.statement("queries", "columns"), {"schema": schema, "table": table})

    def runs_between(self, first_day: str, last_day: str) -> list[dict[str, Any]]:
        """The runs that started on some days.

        Args:
            first_day: the first day, UTC, YYYY-MM-DD.
            last_day: the last one.
        """
        return self.rows(sql.statement("queries", "runs_between"), {"first": first_day, "last": last_day})

    def report(self, name: str, limit: int | None = None) -> list[dict[str, Any]]:
        """A view of `report`.

        Args:
            name: its name without the schema.
            limit: how many rows at most; None for all.

        Raises:
            NoSuchReportError: there is no such view.
            WarehouseMissingError: nothing has been published yet.
        """
        if name not in REPORTS:
            raise NoSuchReportError(f"there is no report {name!r}; there are {', '.join(REPORTS)}")
        return self.rows(sql.statement("queries", "report"), {"view": f"report.{name}", "limit": limit})

    def run(self, run_id: str) -> dict[str, Any]:
        """One row of `report.runs`.

        Args:
            run_id: the run, or a unique prefix of its ID.

        Returns:
            The row.

        Raises:
            NoSuchRunError: there is no such run, or there are several.
            WarehouseMissingError: nothing has been published yet.
        """
        found = self.rows(sql.statement("queries", "run"), [run_id])
        exact = [row for row in found if row["run_id"] == run_id]
        if len(exact or found) != 1:
            many = f"several runs begin with {run_id!r}" if found else f"there is no run {run_id!r}"
            raise NoSuchRunError(f"{many}; `carbon-pipeline report runs --format csv` lists them")
        return (exact or found)[0]

    def spent(self, asset_key: str, period: str, dagster_run_id: str | None = None) -> dict[str, Any] | None:
        """What an asset has spent.

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
        """The completed runs of an asset, with all that two runs have to share to be compared.

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
        (row,) = self.rows(sql.statement("queries", "last_load"))
        return row["loaded_at"]  # type: ignore[no-any-return]

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

    def _load(self, files: "_Files", progress: Progress | None) -> list[FileResult]:
        """Loads files, keeps copies of what comes from outside, and publishes."""
        keeper = Keeper(self.data_dir)
        with ExitStack() as stack:
            stack.enter_context(locked(self.path, self.timeout_s))

            def seal() -> None:
                keeper.seal()
                stack.enter_context(defer_sigint())  # from the commit on: what is loaded is published too

            with open_for_writing(self.path, memory_limit=self.memory_limit) as connection:
                prepare_schema(connection)
                recover(keeper.folder, _kept(connection), keeper.name)
                # Whether the copies stay is for the ledger to say: an interruption may come just after the commit.
                try:
                    results = load_files(connection, files(connection, keeper), progress, seal)
                finally:
                    keeper.close()
                    recover(keeper.folder, _kept(connection), keeper.name)
            self.publish()
        return results

    def _whatever_is_new(self, connection: "DuckDBPyConnection", keeper: Keeper) -> Iterator[SourceFile]:
        loaded = _loaded_paths(connection)
        archived = set(_kept(connection))
        # A warehouse that was deleted gets back what is kept.
        if not any(name.startswith(f"{FOLDER}/") for name in loaded):
            yield from self._archived_records()
        yield from (self._read_record(path) for path in landed_files(self.data_dir) if self._name(path) not in loaded)
        for archive in kept_archives(self.data_dir):
            if archive.name not in archived:
                yield from read_kept(archive)
        yield from self._dropped(keeper, loaded)

    def _archived_records(self) -> Iterator[SourceFile]:
        for archive in archives(self.data_dir):
            for name, sha256, text in read_archive(archive, self.data_dir, self.memory_limit):
                yield _record(name, sha256, text.encode())

    def _dropped(self, keeper: Keeper, loaded: dict[str, str | None]) -> Iterator[SourceFile]:
        return read_files(self._new_in_inbox(loaded), keeper, self.data_dir, is_dropped=True)

    def _new_in_inbox(self, loaded: Mapping[str, str | None]) -> list[Path]:
        """Files of the inbox that are new or have changed."""
        new = []
        for path in dropped_files(self.data_dir).settled:
            with suppress(FileNotFoundError):  # taken away again
                if loaded.get(self._name(path)) != fingerprint(path):
                    new.append(path)
        return new

    def _name(self, path: Path) -> str:
        return printable_path(path.relative_to(self.data_dir))

    def _read_record(self, path: Path) -> SourceFile:
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            return SourceFile(
                self._name(path), _sha256(f"{path}: {reason}".encode()), "record", [Row(1, "", refused=reason)]
            )
        return _record(self._name(path), _sha256(content), content)


def _record(name: str, sha256: str, content: bytes) -> SourceFile:
    text = content.decode("utf-8", "backslashreplace")
    try:
        row = Row(1, text, RunRecord.model_validate_json(content).model_dump_json())
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, part['loc'])) or 'file'}: {part['msg']}" for part in error.errors())
        row = Row(1, text, refused="; ".join(reasons))
    return SourceFile(name, sha256, "record", [row], size=len(content))


def _kept(connection: "DuckDBPyConnection") -> list[str]:
    return [name for (name,) in connection.execute(sql.statement("queries", "kept_archives")).fetchall()]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _loaded_paths(connection: "DuckDBPyConnection") -> dict[str, str | None]:
    return dict(connection.execute(sql.statement("queries", "loaded_paths")).fetchall())
