"""SIGTERM while work is tracked: an orderly end, so that the record says `cancelled`, instead of a sudden death."""

import os
import signal
import threading
from contextlib import AbstractContextManager
from types import FrameType, TracebackType

EXIT_STATUS = 128 + signal.SIGTERM
"""What a shell reports of a process that SIGTERM has ended."""


class SigtermEndsTheWork(AbstractContextManager["SigtermEndsTheWork"]):
    """Turns SIGTERM into SystemExit, where nobody else has claimed it: not the user, not Dagster, not another thread.

    The signal's handler is as before afterwards.
    """

    def __init__(self) -> None:
        self._is_ours = False
        self._pid = 0
        self._waits = False
        self._came = False

    def __enter__(self) -> "SigtermEndsTheWork":
        self._pid = os.getpid()
        main_thread = threading.current_thread() is threading.main_thread()
        self._is_ours = main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if self._is_ours:
            signal.signal(signal.SIGTERM, self._end)
        return self

    def wait(self) -> None:
        """From here on SIGTERM waits until `__exit__`: the work is done, its record not yet on disk."""
        self._waits = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The work may have set a handler of its own: that one stays.
        if self._is_ours and signal.getsignal(signal.SIGTERM) == self._end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._is_ours = False
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGTERM)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a child that was forked inside the block: it ends as it would have without us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        elif self._waits:
            self._came = True
        else:
            raise SystemExit(EXIT_STATUS)


class InterruptsWait(AbstractContextManager["InterruptsWait"]):
    """Ctrl-C does nothing within the block: what it would interrupt is done already, and only its end is missing."""

    def __enter__(self) -> "InterruptsWait":
        self._is_ours = threading.current_thread() is threading.main_thread()
        if self._is_ours:
            self._before = signal.signal(signal.SIGINT, lambda number, frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_ours:
            signal.signal(signal.SIGINT, self._before)
