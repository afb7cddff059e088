"""The warehouse as the rest of the project sees it: load, import, publish, compact. Queries: published.py."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.common.object_store import ObjectStore, StoreError
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.landing import (
    FOLDER,
    killed_runs,
    land_killed_runs,
    landed_files,
    landing_path,
)
from carbon_pipeline.tracking.outbox import send
from carbon_pipeline.tracking.signals import defer_sigint
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import (
    WarehouseDamagedError,
    locked,
    open_for_reading,
    open_for_writing,
    remedy,
)
from carbon_pipeline.warehouse.fetch import Fetched, fetch
from carbon_pipeline.warehouse.ingest.files import fingerprint, placed_files, require_file
from carbon_pipeline.warehouse.ingest.load import FileResult, infer_again, load_files
from carbon_pipeline.warehouse.ingest.source_archive import SourceArchive, kept_archives, recover
from carbon_pipeline.warehouse.ingest.sources import SourceFile, parse_record, read_files, read_kept, read_record
from carbon_pipeline.warehouse.landing_archive import Compacted, archives, compact, read_archive
from carbon_pipeline.warehouse.lease import Lease
from carbon_pipeline.warehouse.progress import Progress
from carbon_pipeline.warehouse.publish import publish
from carbon_pipeline.warehouse.published import PublishedCopy
from carbon_pipeline.warehouse.remote import publish_to
from carbon_pipeline.warehouse.schema import prepare_schema, transaction

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    _Files = Callable[[DuckDBPyConnection, SourceArchive], Iterable[SourceFile]]


class Warehouse(PublishedCopy):
    """The database in a data folder: `warehouse.duckdb` for the one writer, `reports.duckdb` for readers.

    Attributes:
        fetched: what the last load has brought from the object store, if there is one.
        store_error: why the last load could not fetch from there, or publish there.

    Example:
        >>> warehouse = Warehouse("data")
        >>> warehouse.reports_path.as_posix()
        'data/reports.duckdb'
    """

    fetched: Fetched | None = None
    store_error: str | None = None

    def load(self, progress: Progress | None = None) -> list[FileResult]:
        """Load what has landed or was placed in the inbox and is not in the warehouse yet, then publish.

        A warehouse that does not exist is rebuilt from all that has ever been loaded. Where several machines land their
        records in an object store, what is new there comes first, one loader at a time, and the result is published
        there. While that store is away, what is here is loaded all the same.

        Returns:
            What became of each file that was new; empty if none was.

        Raises:
            WarehouseBusyError: another process holds the warehouse, or another loader loads from the store.
        """
        if self.landing_url is None:
            return self.load_here(progress)
        land_killed_runs(self.data_dir, self.landing_url)
        if sent := send(self.data_dir, self.landing_url).error:
            logger.warning("records of this machine wait to be sent: %s", sent)
        results, self.store_error = None, None
        try:
            store = ObjectStore(self.landing_url)
            with Lease(store, self.timeout_s) as lease:
                self.fetched = fetch(store, self.data_dir)
                results = self.load_here(progress)
                if lease.is_held:
                    publish_to(store, self, lease.number)
                else:
                    self.store_error = f"nothing was published to {store.url}: another loader has taken over"
        except (StoreError, InputError) as error:
            loaded = "only what has landed here is loaded" if results is None else "nothing was published there"
            self.store_error = f"{error}; {loaded}"
        return self.load_here(progress) if results is None else results

    def load_here(self, progress: Progress | None = None) -> list[FileResult]:
        """Load what is new on this machine, whatever other machines have sent to an object store, then publish here.

        Returns:
            What became of each file that was new; empty if none was.

        Raises:
            WarehouseBusyError: another process holds the warehouse.
        """
        land_killed_runs(self.data_dir, self.landing_url)
        return self._load(self._whatever_is_new, progress)

    def import_csv(
        self, paths: Iterable[Path], progress: Progress | None = None, timezone: str | None = None
    ) -> list[FileResult]:
        """Import CSV files of CodeCarbon, all of them or none, then publish.

        Args:
            paths: the files.
            progress: receives how far the load has come.
            timezone: time zone of times without one, such as Europe/Paris; None for UTC.

        Returns:
            What became of each file.

        Raises:
            NotCodeCarbonError: one of them is not CodeCarbon's; nothing was loaded.
            WarehouseBusyError: another process holds the warehouse.
        """
        paths = list(paths)
        for path in paths:
            require_file(path)
        if progress:
            progress.total += sum(path.stat().st_size for path in paths)
        return self._load(lambda _, archive: read_files(paths, archive, self.data_dir, timezone=timezone), progress)

    def publish(self) -> None:
        """Replace the copy for readers by a fresh one."""
        publish(self.path, self.reports_path, self.timeout_s, self.memory_limit)

    def compact(self) -> Compacted:
        """Put the loaded records of past days together, a Parquet file for each day.

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
        """List the files in the inbox that have just been changed: the next load takes them."""
        return placed_files(self.data_dir).fresh

    def pending(self) -> list[Path]:
        """List what has landed or was placed in the inbox since the last load, and killed runs; it waits for nobody.

        Returns:
            The files, in the order in which a load would take them.
        """
        loaded: dict[str, str | None] = {}
        if self.reports_path.exists():
            with suppress(WarehouseDamagedError), self.reading() as connection:  # the next load replaces that copy
                loaded = _loaded_paths(connection)
        killed = [landing_path(record, self.data_dir) for record in killed_runs(self.data_dir)]
        landed = [path for path in (*landed_files(self.data_dir), *killed) if self._name(path) not in loaded]
        return [*landed, *self._new_in_inbox(loaded)]

    def stored_record(self, run_id: str) -> RunRecord | None:
        """The record of a run as it has landed; None if there is none.

        Raises:
            DamagedArchiveError: a file that may have it is damaged.
        """
        landed = (path for path in landed_files(self.data_dir) if path.name.startswith(f"{run_id}."))
        files = chain((read_record(path, self._name(path)) for path in landed), self._archived_records())
        return next((file.record for file in files if file.record and file.record.run_id == run_id), None)

    def everything(self) -> Iterator[SourceFile]:
        """Read all that has ever been loaded, as it is stored: what the warehouse can be rebuilt from.

        Yields:
            The landed records, by themselves or put together, then the imported files in the order of their loads.
        """
        yield from self._archived_records()
        yield from (read_record(path, self._name(path)) for path in landed_files(self.data_dir))
        for archive in kept_archives(self.data_dir):
            yield from read_kept(archive)

    def _load(self, files: "_Files", progress: Progress | None) -> list[FileResult]:
        """Load files, keep copies of what comes from outside, and publish."""
        archive = SourceArchive(self.data_dir)
        with ExitStack() as stack:
            stack.enter_context(locked(self.path, self.timeout_s))

            def seal() -> None:
                archive.seal()
                stack.enter_context(defer_sigint())  # from the commit on: what is loaded is published too

            with open_for_writing(self.path, memory_limit=self.memory_limit) as connection:
                prepare_warehouse(connection)
                recover(archive.folder, _kept(connection), archive.name)
                # Whether the copies stay is for the ledger to say: an interruption may come just after the commit.
                try:
                    sources = files(connection, archive)
                    loaded = load_files(connection, sources, archive.folder, archive.name, progress, seal)
                finally:
                    archive.close()
                    recover(archive.folder, _kept(connection), archive.name)
            self.publish()
            try:
                return loaded.results(self)
            except WarehouseDamagedError:  # of a copy that has just been made
                raise WarehouseDamagedError(f"{self.path} is damaged; {remedy(self.path)}") from None

    def _whatever_is_new(self, connection: "DuckDBPyConnection", archive: SourceArchive) -> Iterator[SourceFile]:
        loaded = _loaded_paths(connection)
        archived = set(_kept(connection))
        # A warehouse that was deleted gets back what is stored.
        if not any(name.startswith(f"{FOLDER}/") for name in loaded):
            yield from self._archived_records()
        for path in landed_files(self.data_dir):
            if (name := self._name(path)) not in loaded:
                yield read_record(path, name)
        for kept in kept_archives(self.data_dir):
            if kept.name not in archived:
                yield from read_kept(kept)
        yield from read_files(self._new_in_inbox(loaded), archive, self.data_dir, is_placed=True)

    def _archived_records(self) -> Iterator[SourceFile]:
        for archive in archives(self.data_dir):
            for name, _, text in read_archive(archive, self.data_dir, self.memory_limit):
                yield parse_record(name, text.encode())

    def _new_in_inbox(self, loaded: dict[str, str | None]) -> list[Path]:
        new = []
        for path in placed_files(self.data_dir).settled:
            with suppress(FileNotFoundError):  # taken away again
                if loaded.get(self._name(path)) != fingerprint(path):
                    new.append(path)
        return new

    def _name(self, path: Path) -> str:
        return printable_path(path.relative_to(self.data_dir))


def prepare_warehouse(connection: "DuckDBPyConnection") -> None:
    """Bring tables, views and coefficients of a warehouse up to date.

    Raises:
        SchemaError: it has a schema of another version.
    """
    if prepare_schema(connection):
        with transaction(connection):
            infer_again(connection)


def _kept(connection: "DuckDBPyConnection") -> list[str]:
    return [name for (name,) in connection.execute(sql.statement("queries", "kept_archives")).fetchall()]


def _loaded_paths(connection: "DuckDBPyConnection") -> dict[str, str | None]:
    return dict(connection.execute(sql.statement("queries", "loaded_paths")).fetchall())
