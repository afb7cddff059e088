"""CPU seconds used so far, by this process with its descendants and by the whole host."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import psutil

_TASKS = Path("/proc/self/task")


class CpuSeconds(NamedTuple):
    """Used CPU time, seconds; only differences are meaningful.

    Attributes:
        process_tree: this process, its running descendants, and those that have ended and were waited for.
        host: all processes of the host.
        pids: IDs of this process and its running descendants.
        at: when this process was read (`time.perf_counter`, seconds): reading takes long beside busy Python code.
    """

    process_tree: float | None = None
    host: float | None = None
    pids: tuple[int, ...] = ()
    at: float | None = None


def cpu_seconds() -> CpuSeconds:
    """Read both counters.

    Returns:
        The seconds. A descendant that has ended remains in the sum, since its parent inherits its time (POSIX
        `times`); one that was not waited for is lost.
    """
    import psutil

    host = psutil.cpu_times()
    idle = host.idle + getattr(host, "iowait", 0.0)
    # On Linux, user time includes guest time.
    busy = sum(host) - idle - getattr(host, "guest", 0.0) - getattr(host, "guest_nice", 0.0)
    this = psutil.Process()
    descendants = _descendants(this)
    own = this.cpu_times()
    ended = own.children_user + own.children_system
    theirs = ended + sum(_process_cpu_s(process) for process in descendants)
    at, ours = time.perf_counter(), time.process_time()  # nothing in between lets other threads run
    return CpuSeconds(float(ours + theirs), busy, (this.pid, *(process.pid for process in descendants)), at)


def _process_cpu_s(process: "psutil.Process") -> float:
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:  # the process has just ended
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _descendants(this: "psutil.Process") -> "list[psutil.Process]":
    """List the descendants. psutil reads every process of the host; on Linux, /proc shows at once if there are none."""
    try:
        lists = list(_TASKS.glob("*/children"))
        if lists and not any(path.read_text().strip() for path in lists):
            return []
    except OSError:
        pass
    return this.children(recursive=True)
