"""Records from an object store come into `landing/`, from where they are loaded as those of this machine are.

For each writer, the key of the last object that was read is kept in `landing/.fetched.json`: what was read is not read
again, and nothing that comes later is missed, since the keys of a writer ascend. What is no record is put into
`landing/` under the name of its object, so that the load quarantines it there.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from carbon_pipeline.common.files import ManyFiles, write_text
from carbon_pipeline.common.object_store import ObjectStore
from carbon_pipeline.tracking.landing import FOLDER
from carbon_pipeline.tracking.outbox import RECORDS

STATE = ".fetched.json"

AT_A_TIME = 16
"""Requests at a time."""

OBJECTS_AT_A_TIME = 200
"""Objects after which what has come is kept: more would be in memory at the same time."""

GARBAGE_DAY = "1970-01-01"
"""The day under which what is no record is found: it has none of its own."""


class Fetched(NamedTuple):
    """What has come.

    Attributes:
        objects: number of objects that were read.
        records: number of records in them that are new here.
    """

    objects: int
    records: int


class _Positions(BaseModel):
    """The last key that was read, by writer."""

    url: str
    after: dict[str, str] = Field(default_factory=dict)


def fetch(store: ObjectStore, data_dir: Path) -> Fetched:
    """Bring what is new in a store into `landing/`.

    Raises:
        StoreError: the store cannot be used now; what has come until then is kept.
        OSError: the data folder cannot be written.
    """
    positions = _positions(store, data_dir)
    objects = records = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for keys in _in_chunks(_new_keys(store, positions, pool)):
            for key, content in zip(keys, pool.map(store.get, keys), strict=True):
                if content is not None:
                    records += _place(key, content, data_dir)
            os.sync()  # before the position says that they are here
            for key in keys:
                positions.after[_writer(key)] = key
            write_text(data_dir / FOLDER / STATE, positions.model_dump_json() + "\n")
            objects += len(keys)
    return Fetched(objects, records)


def _positions(store: ObjectStore, data_dir: Path) -> _Positions:
    with suppress(OSError, ValidationError):
        found = _Positions.model_validate_json((data_dir / FOLDER / STATE).read_bytes())
        if found.url == store.url:
            return found
    return _Positions(url=store.url)


def _new_keys(store: ObjectStore, positions: _Positions, pool: ThreadPoolExecutor) -> Iterator[str]:
    writers = store.folders(RECORDS)
    for keys in pool.map(lambda writer: store.keys(f"{RECORDS}/{writer}", positions.after.get(writer)), writers):
        yield from keys


def _in_chunks(keys: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for key in keys:
        chunk.append(key)
        if len(chunk) == OBJECTS_AT_A_TIME:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _writer(key: str) -> str:
    return key.split("/")[1]


def _place(key: str, content: bytes, data_dir: Path) -> int:
    """Write the records of an object to where they would have landed here; returns how many are new."""
    by_day: dict[str, list[tuple[str, bytes]]] = {}
    for number, line in enumerate(filter(None, map(bytes.strip, content.split(b"\n"))), 1):
        day, name = _place_of(line) or (GARBAGE_DAY, f"{'.'.join(key.split('/')[1:])}.{number}.json")
        by_day.setdefault(day, []).append((name, line + b"\n"))
    new = 0
    for day, files in by_day.items():
        folder = data_dir / FOLDER / day
        folder.mkdir(parents=True, exist_ok=True)
        with ManyFiles(folder) as many:
            for name, line in files:
                if _content(folder / name) not in (None, line):  # such as one to which a wall meter's log was added
                    name = f"{name.removesuffix('.json')}.{hashlib.sha256(line).hexdigest()[:8]}.json"
                new += many.write(name, line)
    return new


def _content(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _place_of(line: bytes) -> tuple[str, str] | None:
    """Day and file name of a record; None for what is none."""
    try:
        record = json.loads(line)
        run_id, day = str(record["run_id"]), str(record["started_at"])[:10]
        ending = ".interrupted.json" if record.get("status") == "interrupted" else ".json"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    is_usable = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}", run_id) and re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    return (day, run_id + ending) if is_usable else None
