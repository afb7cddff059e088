"""CPU seconds so far: of this process with all that it has started, and of the whole host."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import psutil

_TASKS = Path("/proc/self/task")


class CpuSeconds(NamedTuple):
    """Seconds of CPU time that have been spent; only differences mean something.

    Attributes:
        process_tree: this process, its descendants that run, and those that have ended and were waited for.
        host: all processes of the host.
    """

    process_tree: float | None = None
    host: float | None = None


def cpu_seconds() -> CpuSeconds:
    """Reads both counters.

    Returns:
        The seconds. A descendant that has ended stays in the sum, since its parent inherits its time (POSIX `times`);
        one that nobody waited for is lost.
    """
    import psutil

    host = psutil.cpu_times()
    idle = host.idle + getattr(host, "iowait", 0.0)
    # Linux counts guest time in user time already.
    busy = sum(host) - idle - getattr(host, "guest", 0.0) - getattr(host, "guest_nice", 0.0)
    this = psutil.Process()
    return CpuSeconds(_of(this) + sum(_of(process) for process in _descendants(this)), busy)


def _of(process: "psutil.Process") -> float:
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:  # it has just ended
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _descendants(this: "psutil.Process") -> "list[psutil.Process]":
    """psutil looks at every process of the host; Linux says at once whether there are children at all."""
    try:
        lists = list(_TASKS.glob("*/children"))
        if lists and not any(path.read_text().strip() for path in lists):
            return []
    except OSError:
        pass
    return this.children(recursive=True)
