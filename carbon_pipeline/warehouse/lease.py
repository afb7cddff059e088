"""One loader at a time, where several machines could load from one object store.

The lease is a row of create-only objects, `loader/<number>.json`: who writes the next number has it, for `LEASE_S` from
the time at which the store says that it was written; each renewal is a further number. No clock but that of the store
counts. What a loader publishes carries the number of its lease, so that one which has lost it without noticing (its
machine was suspended) cannot replace what its successor has published: see remote.py. Nor can it double anything: each
loader has a warehouse of its own, which is derived from all records.
"""

import os
import re
import socket
import threading
import time
import uuid
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ValidationError

from carbon_pipeline.common.object_store import ObjectStore, StoreError
from carbon_pipeline.warehouse.connection import WarehouseBusyError

FOLDER = "loader"
PUBLISHED = "published"
"""Folder of what loaders publish, numbered as their leases."""

CLOCK = f"{FOLDER}-clock"

LEASE_S = 60.0
"""How long a lease lasts without a renewal, seconds."""

KEPT = 5
"""How many of the last objects stay."""

POLL_S = 1.0
"""How often a loader that waits looks whether the lease is free, seconds."""


class _Holder(BaseModel):
    holder: str
    lease_s: float
    is_released: bool = False


class Lease:
    """The lease of a store, for the time of a `with` block.

    Attributes:
        number: its number; it ascends with each renewal and each holder.
    """

    number: int

    def __init__(self, store: ObjectStore, wait_s: float = 0.0, lease_s: float = LEASE_S):
        """Prepare it.

        Args:
            store: the store.
            wait_s: how long to wait for another loader, seconds.
            lease_s: how long it lasts without a renewal, seconds.
        """
        self._store, self._wait_s, self._lease_s = store, wait_s, lease_s
        self._holder = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
        self._lost, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._renew, name="carbon_pipeline-lease", daemon=True)

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            WarehouseBusyError: another loader has it.
            StoreError: the store cannot be used now.
        """
        deadline = time.monotonic() + self._wait_s
        while (holder := self._take()) is not None:
            if time.monotonic() > deadline:
                raise WarehouseBusyError(
                    f"another loader loads from {self._store.url}: {holder}; wait for it: --wait SECONDS. If it was "
                    f"killed, its turn ends after {self._lease_s:.0f} s"
                )
            time.sleep(min(POLL_S, self._lease_s / 4))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give it back."""
        self._end.set()
        self._thread.join()
        if self.is_held:
            try:
                self._write(is_released=True)
                self._store.delete(numbered(self._store, FOLDER)[:-KEPT])
            except StoreError:  # it ends by itself
                pass

    @property
    def is_held(self) -> bool:
        """Whether nobody else can have taken it."""
        return not self._lost.is_set()

    def _take(self) -> str | None:
        """Take it, or tell who has it."""
        keys = numbered(self._store, FOLDER)
        # What was published has a number as well: it would be higher for ever if somebody has removed the leases.
        self.number = max((_number(key) for key in (*keys[-1:], *numbered(self._store, PUBLISHED)[-1:])), default=0)
        if keys and (found := self._in_force(keys[-1])):
            return found
        return None if self._write() else "one that has just begun"

    def _in_force(self, key: str) -> str | None:
        """The holder by an object; None if its lease is over."""
        content = self._store.get(key)
        if content is None:
            return "one that has just ended"
        try:
            found = _Holder.model_validate_json(content)
        except ValidationError:
            found = _Holder(holder="unknown", lease_s=self._lease_s)
        if found.is_released:
            return None
        clock = f"{CLOCK}/{self._holder.replace(' ', '-')}"
        self._store.replace(clock, b"")
        age_s = (self._store.modified_at(clock) - self._store.modified_at(key)).total_seconds()
        self._store.delete([clock])
        return found.holder if age_s <= found.lease_s else None

    def _write(self, *, is_released: bool = False) -> bool:
        """Write the next number; somebody else may have written it."""
        content = _Holder(holder=self._holder, lease_s=self._lease_s, is_released=is_released).model_dump_json()
        if not self._store.create(f"{FOLDER}/{self.number + 1:012d}.json", content.encode()):
            return False
        self.number += 1
        self._renewed_at = time.monotonic()
        return True

    def _renew(self) -> None:
        while not self._end.wait(self._lease_s / 4):
            try:
                if not self._write():
                    self._lost.set()
                    return
            except StoreError:
                if time.monotonic() - self._renewed_at > self._lease_s:
                    self._lost.set()
                    return


def numbered(store: ObjectStore, folder: str) -> list[str]:
    """The keys of a folder that are numbers, in their order."""
    return [key for key in store.keys(folder) if re.fullmatch(rf"{folder}/\d{{12}}\.json", key)]


def _number(key: str) -> int:
    return int(key.rsplit("/", 1)[1].removesuffix(".json"))
