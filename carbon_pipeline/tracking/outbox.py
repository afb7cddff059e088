"""Records on their way to an object store, where `CARBON_LANDING_URL` names one.

A record lands in the data folder of its machine as always, and beside it in `outbox/`. One process at a time sends what
is there: as one object for many records, `records/<writer>/<number>.jsonl`, at most a minute later, once there is 1 MB,
and before the process ends. What a killed process left there is sent by the next one. The objects of a writer (a data
folder) have ascending numbers and never change, so that a reader continues where it stopped and misses none, whatever
the clocks say. A record that was sent twice, since the process was killed in between, is the same record.
"""

import hashlib
import logging
import multiprocessing.util
import os
import socket
import stat
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import filelock
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from carbon_pipeline.common.files import remove_stale_parts, write_text
from carbon_pipeline.common.object_store import ObjectStore
from carbon_pipeline.errors import UserError

logger = logging.getLogger(__name__)

FOLDER = "outbox"
STATE = ".state.json"
RECORDS = "records"
"""Folder of the records in the store."""

BATCH_S, BATCH_BYTES = 60.0, 2**20
"""How long a record waits for company at most, seconds; how many bytes are an object's worth."""

END_S = 5.0
"""How long the end of a process waits for its records to be sent, seconds."""

MOST_PAUSE_S = 600.0
"""Longest pause after failures, seconds; it doubles with each."""

MOST_WAITING = 100_000
"""Records that wait here at most; later ones stay in `landing/` of this machine."""


class OutboxState(BaseModel):
    """What is known of the outbox beyond the files in it.

    Attributes:
        writer: name of this data folder in the store.
        number: number of the next object.
        error: why nothing could be sent the last time; None if it could.
        failed_since: when that began.
        waiting: how many records waited after the last attempt.
        tried_at: when that was.
    """

    writer: str
    number: int = Field(0, ge=0)
    error: str | None = None
    failed_since: AwareDatetime | None = None
    waiting: int = Field(0, ge=0)
    tried_at: AwareDatetime | None = None


class Sent(NamedTuple):
    """What became of an attempt to send.

    Attributes:
        records: number of records that were sent.
        waiting: number of those that still wait.
        error: why they do.
    """

    records: int
    waiting: int
    error: str | None


def outbox(data_dir: Path, url: str) -> Path:
    """The folder of the records that wait for a store: each store has its own."""
    return data_dir / FOLDER / hashlib.sha256(url.encode()).hexdigest()[:12]


def put_into_outbox(name: str, text: str, data_dir: Path, url: str) -> None:
    """Put a record there.

    Args:
        name: name of its file.
        text: the record as JSON, one line.
        data_dir: the data folder.
        url: the store.

    Raises:
        OSError: the folder cannot be written, or is full.
    """
    state = read_state(data_dir, url)
    if state and state.waiting >= MOST_WAITING and (count := len(waiting(data_dir, url))) >= MOST_WAITING:
        raise OSError(f"{outbox(data_dir, url)} is full: {count:,} records wait to be sent ({state.error})")
    write_text(outbox(data_dir, url) / name, text)


def waiting(data_dir: Path, url: str) -> list[Path]:
    """The records that wait to be sent, the oldest first; what is no file that can be read is left alone."""
    found = []
    for path in outbox(data_dir, url).glob("[!.]*.json"):
        with suppress(FileNotFoundError):  # sent just now
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK):
                found.append((status.st_mtime, path))
    return [path for _, path in sorted(found)]


def read_state(data_dir: Path, url: str) -> OutboxState | None:
    """The state; None where nothing has ever been sent from."""
    try:
        return OutboxState.model_validate_json((outbox(data_dir, url) / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def send(data_dir: Path, url: str, deadline_s: float | None = None) -> Sent:
    """Send what is in the outbox. Whoever else is sending has the precedence.

    Args:
        data_dir: the data folder.
        url: the store.
        deadline_s: after how long nothing further is begun, seconds.
    """
    began = time.monotonic()
    state = read_state(data_dir, url)
    if not waiting(data_dir, url) and not (state and (state.waiting or state.error)):
        return Sent(0, 0, None)
    folder = outbox(data_dir, url)
    remove_stale_parts(folder)
    sent, error = 0, None
    lock = filelock.FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0 if deadline_s is None else deadline_s):
            state = read_state(data_dir, url) or _new_state()
            try:
                store = ObjectStore(url)
                for batch in _batches(waiting(data_dir, url)):
                    if deadline_s is not None and time.monotonic() - began > deadline_s:
                        error = f"not all could be sent within {deadline_s:g} s"
                        break
                    state = _send_batch(store, state, batch, folder)
                    sent += len(batch)
            except (UserError, OSError) as failure:
                error = str(failure)
            now = datetime.now(UTC)
            news = {"error": error, "failed_since": (state.failed_since or now) if error else None, "tried_at": now}
            _write_state(state.model_copy(update={**news, "waiting": len(waiting(data_dir, url))}), folder)
    except (filelock.Timeout, OSError) as failure:
        error = "another process is sending" if isinstance(failure, filelock.Timeout) else str(failure)
    return Sent(sent, len(waiting(data_dir, url)), error)


def _new_state() -> OutboxState:
    host = "".join(char if char.isalnum() else "-" for char in socket.gethostname())[:40]
    return OutboxState(writer=f"{host}-{uuid.uuid4().hex[:12]}")


def _write_state(state: OutboxState, folder: Path) -> None:
    write_text(folder / STATE, state.model_dump_json() + "\n")


def _batches(paths: list[Path]) -> Iterator[list[tuple[Path, bytes]]]:
    """Records with their contents, as many as make an object."""
    batch: list[tuple[Path, bytes]] = []
    size = 0
    for path in paths:
        with suppress(FileNotFoundError):
            content = path.read_bytes()
            if batch and size + len(content) > BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append((path, content))
            size += len(content)
    if batch:
        yield batch


def _send_batch(store: ObjectStore, state: OutboxState, batch: list[tuple[Path, bytes]], folder: Path) -> OutboxState:
    """Send records as one object, and take them out of the outbox.

    Raises:
        StoreError: the store cannot be used now.
    """
    content = b"".join(_line(path.name, text) for path, text in batch)
    while True:
        key = object_key(state.writer, state.number)
        # One that is there already has been sent before a process was killed, or its state was lost.
        is_sent = store.create(key, content) or store.get(key) == content
        state = state.model_copy(update={"number": state.number + 1})
        if is_sent:
            break
    state = state.model_copy(update={"waiting": 0, "error": None, "failed_since": None})
    _write_state(state, folder)  # first: a number that is used again would cost a request for each
    for path, _ in batch:
        path.unlink(missing_ok=True)
    return state


def _line(name: str, text: bytes) -> bytes:
    """A record with the name of its file, which a reader gives it again."""
    return b'{"name":"%s","record":%s}\n' % (name.encode(), b" ".join(text.split(b"\n")).strip())


def object_key(writer: str, number: int) -> str:
    """Key of an object of a writer: they sort by their numbers."""
    return f"{RECORDS}/{writer}/{number:012d}.jsonl"


class Sender:
    """Sends from an outbox in a thread of its own, for as long as the process lasts."""

    def __init__(self, data_dir: Path, url: str):
        """Start the thread.

        Args:
            data_dir: the data folder.
            url: the store.
        """
        self._data_dir, self._url = data_dir, url
        self._asked, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._send_periodically, name="carbon_pipeline-outbox", daemon=True)
        self._thread.start()

    def flush(self, deadline_s: float = END_S) -> None:
        """Send what waits, and wait for that a while; not at all where that has just failed.

        Args:
            deadline_s: how long, seconds.
        """
        state = read_state(self._data_dir, self._url)
        if state and state.error and state.tried_at and (datetime.now(UTC) - state.tried_at).total_seconds() < BATCH_S:
            return
        self._done.clear()
        self._asked.set()  # the thread is there: while an interpreter ends, none can be started (Python 3.12)
        self._done.wait(deadline_s)

    def _send_and_tell(self, deadline_s: float | None) -> Sent:
        found = send(self._data_dir, self._url, deadline_s)
        if found.error:
            logger.warning("%d records of this machine wait to be sent: %s", found.waiting, found.error)
        return found

    def _send_periodically(self) -> None:
        from carbon_pipeline.tracking.landing import land_killed_runs

        with suppress(Exception):  # what a process left that was killed here; the next one tries again
            land_killed_runs(self._data_dir, self._url)
        pause_s = 0.0
        while True:
            is_asked = self._asked.wait(pause_s)
            self._asked.clear()
            try:
                found = self._send_and_tell(END_S if is_asked else None) if is_asked or self._is_due() else None
            except Exception as error:  # noqa: BLE001 - the work goes on, whatever fails here
                logger.warning("records of this machine cannot be sent: %s", error)
                found = Sent(0, 1, str(error))
            has_failed = found is not None and found.error is not None
            pause_s = min(max(2 * pause_s, BATCH_S), MOST_PAUSE_S) if has_failed else BATCH_S / 10
            if is_asked:
                self._done.set()

    def _is_due(self) -> bool:
        paths = waiting(self._data_dir, self._url)
        sizes = 0
        for path in paths:
            with suppress(FileNotFoundError):
                status = path.stat()
                sizes += status.st_size
                if time.time() - status.st_mtime >= BATCH_S or sizes >= BATCH_BYTES:
                    return True
        return False


_senders: dict[tuple[int, Path, str], Sender] = {}
_senders_lock = threading.Lock()


def sender(data_dir: Path, url: str) -> Sender:
    """The sender of this process for an outbox; it is started by the first call, and sends before the process ends."""
    key = (os.getpid(), data_dir.absolute(), url)
    with _senders_lock:
        if key not in _senders:
            _senders[key] = Sender(data_dir.absolute(), url)
            # Unlike atexit's, these run in the children of a multiprocessing pool, too.
            multiprocessing.util.Finalize(None, _flush_of, args=(key,), exitpriority=100)
        return _senders[key]


def _flush_of(key: tuple[int, Path, str]) -> None:
    if key[0] == os.getpid() and waiting(key[1], key[2]):
        _senders[key].flush()


def _forget_senders() -> None:
    """A child process has neither the threads of its parent nor those that hold its lock."""
    global _senders_lock
    _senders_lock = threading.Lock()
    _senders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_senders)
