"""Which host this is, so that runs on it that overlap are found, and which process."""

import hashlib
import os
import platform
import socket
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Host:
    """The host, and the process on it.

    Attributes:
        host_id: the host as it runs since its last start; None if it is not known.
        process: ID and start (seconds since the epoch) of this process.
        parent_processes: the processes that it descends from, nearest first.
    """

    host_id: str | None = None
    process: str | None = None
    parent_processes: list[str] = field(default_factory=list)


def probe_host(configured_id: str | None = None) -> Host:
    """Find out which host and process this is.

    Args:
        configured_id: user-provided name of the host, which takes precedence.
    """
    process, *parents = _processes(os.getpid())
    return Host(configured_id or _boot_hash(), process, parents)


@cache
def _boot_hash() -> str | None:
    """A hash of what the kernel calls itself since it was started; all containers of a host see the same."""
    try:
        boot_id = _BOOT_ID.read_text().strip()
    except OSError:
        import psutil

        # Without containers that share a kernel. The time of the start is computed, so that its last digits vary.
        boot_id = f"{platform.system()} {socket.gethostname()} {psutil.boot_time() // 60:.0f}"
    return hashlib.sha256(f"carbon_pipeline {boot_id}".encode()).hexdigest()[:32] if boot_id else None


@cache
def _processes(pid: int) -> list[str]:
    """This process and its ancestors: IDs are used again, a start time distinguishes them."""
    import psutil

    this = psutil.Process(pid)
    named = []
    for process in (this, *this.parents()):
        try:
            named.append(f"{process.pid}@{process.create_time():.2f}")
        except psutil.Error:  # it has just ended
            break
    return named[:100]
