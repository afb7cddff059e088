"""Commands on a pseudo terminal: what a person would see."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence


def on_a_terminal(command: Sequence[str], columns: int, *, shows_progress: bool = False) -> str:
    """Run a command on a terminal of its own until it ends; it must succeed.

    Args:
        command: the program with its arguments.
        columns: width of the terminal.
        shows_progress: whether stderr, on which progress is shown, is the terminal too.

    Returns:
        All that it has written there, escapes included.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    stderr = follower if shows_progress else None
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=stderr, env=environment)
    os.close(follower)
    written = b""
    try:
        while new := os.read(leader, 65536):
            written += new
    except OSError:  # how Linux ends a terminal that nobody writes to any more
        pass
    os.close(leader)
    assert process.wait() == 0, written.decode()
    return written.decode().replace("\r\n", "\n")
