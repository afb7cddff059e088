"""Large files: copied, hashed and examined in one pass, so that DuckDB can read the copy if nothing in it is odd."""

import hashlib
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LARGE_BYTES = 16 * 2**20
"""From this size on, DuckDB reads a file itself if nothing is odd about it."""

CHUNK_BYTES = 4 * 2**20
OVERLAP_BYTES = 64

# Begins with a character to look for, which is fast; that of x86_64 is in nearly every row.
_UNDERSCORE = re.compile(rb"_(?<=\d_)(?<!x86_)(?=\d)")
_NUMBER = re.compile(rb"[\s\"]*[-+]?[\d_.]+(?:[eE][-+]?[\d_]+)?[\s\"]*")


@dataclass(frozen=True)
class LargeFile:
    """The copy of a large file.

    Attributes:
        path: where it is.
        sha256: hash of its content.
        lines: number of line ends in it.
        is_clean: whether it is whole lines of text, without tabs, spaces before quotes, and numbers like 1_000.
    """

    path: Path
    sha256: str
    lines: int
    is_clean: bool


def examine(path: Path) -> LargeFile:
    """Read a large file once, from end to end.

    Raises:
        OSError: it cannot be read.
    """
    digest, lines, is_clean, ends_in_a_line = hashlib.sha256(), 0, True, False
    with path.open("rb", buffering=0) as source, ThreadPoolExecutor(1) as beside:
        # The end of each chunk stays in front of the next one, since a cell may lie across.
        buffer, other = (bytearray(b"\n" * OVERLAP_BYTES + bytes(CHUNK_BYTES)) for _ in range(2))
        taken: Future[None] | None = None
        while filled := source.readinto(memoryview(buffer)[OVERLAP_BYTES:]):
            end = OVERLAP_BYTES + filled
            if taken:
                taken.result()
            taken = beside.submit(digest.update, memoryview(buffer)[OVERLAP_BYTES:end])
            lines += buffer.count(b"\n", OVERLAP_BYTES, end)
            is_clean = is_clean and not _has_odd_bytes(buffer, end) and not _has_odd_number(buffer, end)
            ends_in_a_line = buffer[end - 1] == ord("\n")
            other[:OVERLAP_BYTES] = buffer[end - OVERLAP_BYTES : end]
            buffer, other = other, buffer
        if taken:
            taken.result()
    return LargeFile(path, digest.hexdigest(), lines, is_clean and ends_in_a_line)


def _has_odd_bytes(buffer: bytearray, end: int) -> bool:
    begin = OVERLAP_BYTES - 1
    if any(buffer.find(odd, begin, end) >= 0 for odd in (b"\0", b"\r", b"\t")):
        return True
    # Spaces are everywhere and quotes are rare: whether there are any is found much faster.
    return buffer.find(b'"', begin, end) >= 0 and buffer.find(b' "', begin, end) >= 0


def _has_odd_number(buffer: bytearray, end: int) -> bool:
    """Whether a cell holds a number like 1_000."""
    for match in _UNDERSCORE.finditer(buffer, 0, end):
        at = match.start()
        begins = max(buffer.rfind(b",", 0, at), buffer.rfind(b"\n", 0, at)) + 1
        ends = min((found for mark in (b",", b"\n") if (found := buffer.find(mark, at, end)) >= 0), default=end)
        if _NUMBER.fullmatch(buffer, begins, ends):
            return True
    return False
