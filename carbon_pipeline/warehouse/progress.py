"""How far a command has come. What is shown of it, and where, is the command line's affair."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

INTERVAL_S = 0.1


class Progress:
    """Counts rows and how much is done, and calls `show` with itself every now and then.

    Attributes:
        total: how much there is to do, such as the bytes of all files; 0 if it is not known.
        done: how much of it is done.
        rows: rows that are done.
        seconds: time since the beginning.
    """

    def __init__(self, show: Callable[["Progress"], None] | None = None):
        """Begin to count the time; `show` is called at most ten times a second, from one thread or another."""
        self.total = self.done = self.rows = 0
        self._show = show
        self._began = self._shown = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time since the beginning, seconds."""
        return time.monotonic() - self._began

    def add(self, rows: int = 0, size: int = 0) -> None:
        """Count what is done."""
        self.rows += rows
        self.done += size
        if self._show and time.monotonic() - self._shown >= INTERVAL_S:
            self._shown = time.monotonic()
            self._show(self)

    @contextmanager
    def of(self, connection: "DuckDBPyConnection", rows: int, size: int) -> Iterator[None]:
        """Follow a statement that reads a file."""
        begun = self.rows, self.done
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(INTERVAL_S):
                share = max(0.0, connection.query_progress()) / 100
                self.rows, self.done = begun[0] + int(rows * share), begun[1] + int(size * share)
                self.add()

        follower = threading.Thread(target=follow, name="progress", daemon=True)
        if self._show:
            follower.start()
        try:
            yield
        finally:
            ended.set()
            if self._show:
                follower.join()
            self.rows, self.done = begun
        self.add(rows, size)
