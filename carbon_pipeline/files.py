"""Writing files so that a reader sees the old one or the new one, never half of one."""

import os
import uuid
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes a text file beside its place and renames it in place, so that no crash leaves half of it.

    Args:
        path: where the file is to lie; missing folders are made.
        text: its content, written as UTF-8.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync(path: Path) -> None:
    """Waits until a file is on the disk.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Makes a rename survive a power cut; Windows neither needs nor allows it.

    Args:
        folder: the folder in which something was renamed.

    Raises:
        OSError: it cannot be read.
    """
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def shown(path: Path) -> str:
    """A path as text that can be stored and printed, whatever bytes its name is made of.

    Args:
        path: the path.

    Returns:
        Its text, with forward slashes; bytes that are no UTF-8 as `\\xff`.
    """
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
