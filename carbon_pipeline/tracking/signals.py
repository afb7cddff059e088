"""Signals while work is tracked: SIGTERM ends it in an orderly way, so that its record says `cancelled`."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType

EXIT_STATUS = 128 + signal.SIGTERM
"""The status that a shell reports of a process that SIGTERM has ended."""


class GracefulSigterm(AbstractContextManager["GracefulSigterm"]):
    """Turns SIGTERM into SystemExit, where nobody else has claimed it: not the user, not Dagster, not another thread.

    The signal's handler is restored at the end of the block.
    """

    def __init__(self) -> None:
        """Install nothing yet."""
        self._is_installed = False
        self._pid = 0
        self._is_deferred = False
        self._came = False

    def __enter__(self) -> "GracefulSigterm":
        self._pid = os.getpid()
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._is_installed = in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if self._is_installed:
            signal.signal(signal.SIGTERM, self._end)
        return self

    def defer(self) -> None:
        """From here on let SIGTERM wait for the end of the block: the work is done, its record not yet on disk."""
        self._is_deferred = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The work may have set a handler of its own: that one stays.
        if self._is_installed and signal.getsignal(signal.SIGTERM) == self._end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._is_installed = False
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGTERM)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a child that was forked inside the block: it ends as if untracked
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        elif self._is_deferred:
            self._came = True
        else:
            raise SystemExit(EXIT_STATUS)


@contextmanager
def defer_sigint() -> Iterator[None]:
    """Ignore Ctrl-C within the block: what it would interrupt has been done, and only its end is missing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
