"""Who holds a lock: a note beside the locked file, for the message to those who wait. The lock is in connection.py."""

import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from carbon_pipeline.common.files import replacing

OWN = ("carbon-pipeline", "carbon_pipeline")
"""Our own program, as installed and as a module: only of that is the command noted, since arguments can be secret."""

LONGEST_NOTE = 4096

Plain = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\w.: -]+$")]


class Holder(BaseModel):
    """A process that holds a lock.

    Attributes:
        pid: ID of the process.
        host: name of its machine.
        command: program, with its command if it is ours.
        since: when it took the lock.
    """

    pid: int = Field(ge=0, le=2**31 - 1)
    host: Plain
    command: Plain
    since: AwareDatetime


def note_holder(path: Path) -> None:
    """Note that this process holds the lock of a file. A note that cannot be written is only missing in a message."""
    program = Path(sys.argv[0] or sys.executable)
    name = program.parent.name if program.name == "__main__.py" else program.name
    command = f"{name} {sys.argv[1]}" if name in OWN and len(sys.argv) > 1 else name
    with suppress(OSError, ValidationError):
        holder = Holder(pid=os.getpid(), host=socket.gethostname(), command=command, since=datetime.now(UTC))
        with replacing(_note(path), durable=False) as beside:
            beside.write_text(holder.model_dump_json())


def forget_holder(path: Path) -> None:
    """Remove the note; to be called before the lock is released."""
    with suppress(OSError):
        _note(path).unlink(missing_ok=True)


def describe_holder(path: Path) -> str:
    """Name the holder of a lock. The note is not trusted: anything but a complete and plain one counts as none.

    Returns:
        Such as `process 1234 on a-host (carbon-pipeline load) since 12:03:10 UTC`.
    """
    try:
        if not _note(path).is_file():
            return "another process"
        with _note(path).open("rb") as file:
            holder = Holder.model_validate_json(file.read(LONGEST_NOTE))
    except (OSError, ValidationError):
        return "another process"
    since = holder.since.astimezone(UTC)
    day = "" if since.date() == datetime.now(UTC).date() else f"{since:%Y-%m-%d} "
    return f"process {holder.pid} on {holder.host} ({holder.command}) since {day}{since:%H:%M:%S} UTC"


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.holder")
