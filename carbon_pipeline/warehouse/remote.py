"""What a loader publishes to an object store, and what readers download from there.

A publication is a list of files, `published/<number of the lease>.json`, written when all of them are there: the copy
of the warehouse, and one Parquet file for each day with its rows of report.runs. The highest number counts, so that
nobody whose lease has ended can replace what its successor has published, and no reader sees half of it. The file of a
day that has not changed stays as it is.
"""

import hashlib
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from carbon_pipeline.common.files import replacing
from carbon_pipeline.common.object_store import ObjectStore, StoreError
from carbon_pipeline.errors import InputError
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import open_for_reading
from carbon_pipeline.warehouse.lease import PUBLISHED, numbered

if TYPE_CHECKING:
    from carbon_pipeline.warehouse.published import PublishedCopy

FILES = f"{PUBLISHED}-files"

KEPT = 2
"""Publications that stay: a reader may just be downloading the one before the last."""

KEPT_FOR = timedelta(hours=1)
"""How long a file stays that no publication lists."""


class Publication(BaseModel):
    """The files of a publication, by key.

    Attributes:
        reports: the copy of the warehouse, `reports.duckdb`.
        days: the Parquet file of each day, UTC.
        loader: the machine that has published it, and its data folder.
        runs: number of runs in it.
        published_at: when that was.
    """

    reports: str
    loader: str
    runs: int
    published_at: AwareDatetime
    days: dict[str, str] = Field(default_factory=dict)


def publish_to(store: ObjectStore, copy: "PublishedCopy", number: int) -> Publication:
    """Publish the copy of the warehouse that readers on this machine have.

    Args:
        store: the store.
        copy: the copy.
        number: number of the lease.

    Raises:
        StoreError: the store cannot be used now, or another machine has published more runs than there are here.
    """
    own, runs = f"{socket.gethostname()}:{copy.data_dir.absolute()}", copy.count()
    before = _last(store)
    if before and before.loader != own and before.runs > runs:
        raise StoreError(
            f"{before.loader} has published {before.runs:,} runs, and here are {runs:,}: load there, or import here "
            "what is missing"
        )
    known = set(store.keys(FILES))
    days = {}
    with (
        tempfile.TemporaryDirectory(dir=copy.reports_path.parent, prefix=".publishing") as name,
        open_for_reading(copy.reports_path, copy.memory_limit, Path(name)) as connection,
    ):
        for row in sql.ask(connection, "queries", "days_of_runs"):
            key = days[f"{row['day']}"] = f"{FILES}/runs/{row['day']}.{row['content']}.parquet"
            if key not in known:
                path = Path(name) / f"{row['day']}.parquet"
                rows = connection.sql(sql.statement("queries", "runs_of_day"), params={"day": row["day"]})
                rows.write_parquet(str(path), compression="zstd")
                store.create_from(key, path)
                path.unlink()
    content = _hash(copy.reports_path)
    reports = f"{FILES}/reports.{content}.duckdb"
    if reports not in known:
        store.create_from(reports, copy.reports_path)
    publication = Publication(
        reports=reports, days=days, loader=own, runs=runs, published_at=datetime.now(UTC).replace(microsecond=0)
    )
    if not before or (before.reports, before.days) != (reports, days):
        store.create(f"{PUBLISHED}/{number:012d}.json", publication.model_dump_json(indent=1).encode())
    _remove_old(store)
    return publication


def download(store: ObjectStore, path: Path) -> Publication:
    """Replace a local copy of the warehouse by the one that was published last.

    Args:
        store: the store.
        path: the copy, such as `reports.duckdb`.

    Raises:
        InputError: nothing has been published there.
        StoreError: the store cannot be used now.
        OSError: the file cannot be written.
    """
    publication = _last(store)
    if publication is None:
        raise InputError(f"nothing has been published to {store.url} yet: carbon-pipeline load does, where it is set")
    with replacing(path) as beside:
        store.download(publication.reports, beside)
    return publication


def _last(store: ObjectStore) -> Publication | None:
    return next((found for key in reversed(numbered(store, PUBLISHED)) if (found := _read(store, key))), None)


def _read(store: ObjectStore, key: str) -> Publication | None:
    try:
        return Publication.model_validate_json(store.get(key) or b"")
    except ValidationError:
        return None


def _remove_old(store: ObjectStore) -> None:
    """Remove what only publications before the last ones have; not what somebody has just sent and will list soon."""
    keys = numbered(store, PUBLISHED)
    store.delete(keys[:-KEPT])
    if len(keys) < KEPT:
        return
    files, now = store.objects(FILES), store.modified_at(keys[-1])
    used: set[str] = set()
    for key in keys[-KEPT:]:
        if found := _read(store, key):
            used |= {found.reports, *found.days.values()}
    store.delete([each.key for each in files if each.key not in used and now - each.modified_at > KEPT_FOR])


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
