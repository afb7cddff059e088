"""Signals during tracked work: SIGTERM ends the work gracefully, so that its record has the status `cancelled`."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType

EXIT_STATUS = 128 + signal.SIGTERM
"""Exit status that a shell reports for a process ended by SIGTERM."""


class GracefulSigterm(AbstractContextManager["GracefulSigterm"]):
    """Context manager that turns SIGTERM into SystemExit within its block.

    It has an effect only in the main thread, and only if no handler is set, such as one of the user or of Dagster. The
    default handler is restored at the end of the block.
    """

    def __init__(self) -> None:
        """Initialize the state; no handler is installed yet."""
        self._is_installed = False
        self._pid = 0
        self._is_deferred = False
        self._is_pending = False

    def __enter__(self) -> "GracefulSigterm":
        self._pid = os.getpid()
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._is_installed = in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if self._is_installed:
            signal.signal(signal.SIGTERM, self._end)
        return self

    def defer(self) -> None:
        """Defer SIGTERM until the end of the block: the work is done, but its record is not yet on disk."""
        self._is_deferred = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The work may have set a handler of its own, which stays.
        if self._is_installed and signal.getsignal(signal.SIGTERM) == self._end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._is_installed = False
        if self._is_pending:
            self._is_pending = False
            signal.raise_signal(signal.SIGTERM)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a child process forked inside the block ends as if untracked
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        elif self._is_deferred:
            self._is_pending = True
        else:
            raise SystemExit(EXIT_STATUS)


@contextmanager
def defer_sigint() -> Iterator[None]:
    """Ignore Ctrl-C within the block: the interruptible part is done, and only its completion remains."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
