"""SIGTERM while work is tracked: an orderly end, so that the record says `cancelled`, instead of a sudden death."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 128 + signal.SIGTERM
"""What a shell reports of a process that SIGTERM has ended."""


@contextmanager
def sigterm_ends_the_work() -> Iterator[None]:
    """Turns SIGTERM into SystemExit, where nobody else has claimed it: not the user, not Dagster, not another thread.

    Yields:
        Nothing; the signal's handler is as before afterwards.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        # The work may have set a handler of its own: that one stays.
        if ours and signal.getsignal(signal.SIGTERM) is _end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(EXIT_STATUS)
