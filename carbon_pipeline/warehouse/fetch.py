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
from carbon_pipeline.common.object_store import ObjectStore, StoredObject
from carbon_pipeline.tracking.landing import FOLDER
from carbon_pipeline.tracking.outbox import RECORDS

STATE = ".fetched.json"

AT_A_TIME = 16
"""Requests at a time."""

OBJECTS_AT_A_TIME = 64
"""Objects after which what has come is kept: more would be in memory at the same time."""

MOST_BYTES = 2**26
"""No object of ours is nearly as large, bytes."""

KEY = re.compile(rf"{RECORDS}/([^/]+)/\d{{12}}\.jsonl")
"""Key of an object of records, with its writer. Only such keys ascend: no later one comes before one that was read."""

LINE = re.compile(rb'\{"name":"([A-Za-z0-9][A-Za-z0-9._-]{0,200}\.json)","record":(\{.*\})\}', re.DOTALL)
"""A line of such an object: the name of the record's file, and the record."""

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
    """The last key that was read, by writer; and those that are no key of ours, which were named once."""

    url: str
    after: dict[str, str] = Field(default_factory=dict)
    strange: set[str] = Field(default_factory=set)


def fetch(store: ObjectStore, data_dir: Path) -> Fetched:
    """Bring what is new in a store into `landing/`.

    Raises:
        StoreError: the store cannot be used now; what has come until then is kept.
        OSError: the data folder cannot be written.
    """
    positions = _positions(store, data_dir)
    objects = records = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for found in _in_chunks(_new_objects(store, positions, pool)):
            keys = [each.key for each in found]
            usable = [each.key for each in found if KEY.fullmatch(each.key) and each.size <= MOST_BYTES]
            for key, content in zip(usable, pool.map(store.get, usable), strict=True):
                if content is not None:
                    records += _place(key, content, data_dir)
            for key in sorted(set(keys) - set(usable)):
                _write(GARBAGE_DAY, [(_garbage_name(key), f"no object of records: {key}\n".encode())], data_dir)
            if hasattr(os, "sync"):
                os.sync()  # before the position says that they are here
            for key in keys:
                if writer := KEY.fullmatch(key):
                    positions.after[writer[1]] = key
                else:
                    positions.strange.add(key)
            write_text(data_dir / FOLDER / STATE, positions.model_dump_json() + "\n")
            objects += len(keys)
    return Fetched(objects, records)


def _positions(store: ObjectStore, data_dir: Path) -> _Positions:
    with suppress(OSError, ValidationError):
        found = _Positions.model_validate_json((data_dir / FOLDER / STATE).read_bytes())
        if found.url == store.url:
            return found
    return _Positions(url=store.url)


def _new_objects(store: ObjectStore, positions: _Positions, pool: ThreadPoolExecutor) -> Iterator[StoredObject]:
    writers = store.folders(RECORDS)
    for found in pool.map(lambda writer: store.objects(f"{RECORDS}/{writer}", positions.after.get(writer)), writers):
        yield from (each for each in found if each.key not in positions.strange)


def _in_chunks(found: Iterator[StoredObject]) -> Iterator[list[StoredObject]]:
    chunk: list[StoredObject] = []
    for each in found:
        chunk.append(each)
        if len(chunk) == OBJECTS_AT_A_TIME:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _place(key: str, content: bytes, data_dir: Path) -> int:
    """Write the records of an object to where they would have landed here; returns how many are new."""
    by_day: dict[str, list[tuple[str, bytes]]] = {}
    garbage = []
    for line in filter(None, map(bytes.strip, content.split(b"\n"))):
        if found := _record_of(line):
            day, name, record = found
            by_day.setdefault(day, []).append((name, record + b"\n"))
        else:
            garbage.append(line)
    if garbage:
        _write(GARBAGE_DAY, [(_garbage_name(key), b"\n".join(garbage) + b"\n")], data_dir)
    return sum(_write(day, files, data_dir) for day, files in by_day.items())


def _write(day: str, files: list[tuple[str, bytes]], data_dir: Path) -> int:
    """Write files of a day; returns how many are new."""
    folder = data_dir / FOLDER / day
    folder.mkdir(parents=True, exist_ok=True)
    new = 0
    with ManyFiles(folder) as many:
        for name, content in files:
            if _content(folder / name) not in (None, content):
                name = f"{name.removesuffix('.json')}.{hashlib.sha256(content).hexdigest()[:8]}.json"
            new += many.write(name, content)
    return new


def _content(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _garbage_name(key: str) -> str:
    """A file name that tells the key, short enough for any disk, and not hidden."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", ".".join(key.split("/")[1:])).lstrip(".")
    return f"{name if len(name) <= 150 else name[:130] + hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _record_of(line: bytes) -> tuple[str, str, bytes] | None:
    """Day, file name and text of a record; None for what is none."""
    found = LINE.fullmatch(line)
    if found is None:
        return None
    name, text = found[1].decode(), found[2]
    try:
        record = json.loads(text)
        run_id, day = str(record["run_id"]), str(record["started_at"])[:10]
    except (ValueError, KeyError):
        return None
    is_usable = name.startswith(f"{run_id}.") and re.fullmatch(r"\d{4}-\d\d-\d\d", day)
    return (day, name, text) if is_usable else None
