"""Atomic file writes: a reader sees the old file or the new one, never a partial one."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"
"""Ending of a file that is being written."""

STALE_S = 3600.0
"""Nobody writes one file for so long, seconds."""


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[Path]:
    """Replace a file atomically: write the new one under a hidden name beside it, then rename it in place.

    Args:
        path: the file; missing folders are created.
        durable: whether to wait until the file is on the disk, so that a power failure leaves no empty file.

    Yields:
        The hidden name to write to. If the block raises, that file is removed and `path` is unchanged.

    Raises:
        OSError: the folder cannot be written.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid.uuid4().hex}{PART}")
    try:
        yield beside
        if durable:
            sync(beside)
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(beside):  # which says nothing to the user
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    if durable:
        sync_folder(path.parent)


class ManyFiles:
    """Atomic replacement of many small files in one folder, without waiting until they are on the disk."""

    def __init__(self, folder: Path):
        """List the folder.

        Args:
            folder: an existing folder.

        Raises:
            OSError: the folder cannot be read.
        """
        self._folder = str(folder)
        self._part = os.path.join(self._folder, f".{uuid.uuid4().hex}{PART}")
        self._names = set(os.listdir(folder))

    def __enter__(self) -> "ManyFiles":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._part)

    def write(self, name: str, content: bytes) -> bool:
        """Replace a file unless its content is the same.

        Returns:
            Whether the file is new or has changed.

        Raises:
            OSError: the file cannot be written.
        """
        path = os.path.join(self._folder, name)
        if name in self._names and _content(path) == content:
            return False
        try:
            with open(self._part, "wb") as file:
                file.write(content)
        except OSError as error:  # the hidden name says nothing to the user
            raise OSError(error.errno, error.strerror, path) from error
        os.replace(self._part, path)
        self._names.add(name)
        return True


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def remove_stale_parts(folder: Path) -> None:
    """Remove incomplete files from a folder that processes left which were killed in `replacing`."""
    for path in folder.glob(f".*{PART}"):
        with suppress(OSError):  # it has just gone, belongs to another user, or is a folder
            if time.time() - path.lstat().st_mtime > STALE_S:
                path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8 and with unchanged line ends.

    Args:
        path: the file; missing folders are created.
        text: its content.

    Raises:
        OSError: the folder cannot be written.
    """
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


def sync(path: Path, access: int = os.O_RDWR) -> None:
    """Wait until a file is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, access)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure; Windows neither needs nor allows it.

    Raises:
        OSError: it cannot be read.
    """
    if os.name == "posix":
        sync(folder, os.O_RDONLY)


def printable_path(path: Path) -> str:
    """Convert a path to text that can be stored and printed, even if its name is not valid UTF-8.

    Returns:
        The text, with forward slashes; bytes that are not UTF-8 are escaped as `\\xff`.
    """
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
