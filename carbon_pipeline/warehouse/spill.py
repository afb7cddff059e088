"""Where DuckDB puts what does not fit into memory: a folder for each connection, named after its process.

Two processes in one folder would write each other's files, and nobody could tell what a killed one has left.
"""

import os
import shutil
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path

PREFIX = ".spill"

ABANDONED_S = 7 * 24 * 3600.0
"""What a process on another host has not touched for so long is abandoned, seconds."""


def spill_folder(folder: Path) -> Path:
    """A new name in this folder; DuckDB makes the folder when it needs it."""
    return folder / f"{PREFIX}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"


def sweep_spill(folder: Path) -> None:
    """Remove what killed processes have left."""
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # it has just gone, or belongs to another user
            if _is_abandoned(path):
                shutil.rmtree(path)


def _is_abandoned(path: Path) -> bool:
    import psutil

    host, _, rest = path.name.removeprefix(f"{PREFIX}.").rpartition(".")[0].rpartition(".")
    if host == socket.gethostname() and rest.isdecimal():
        return not psutil.pid_exists(int(rest))
    return time.time() - path.stat().st_mtime > ABANDONED_S
