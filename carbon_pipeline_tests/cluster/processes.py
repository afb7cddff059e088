"""Processes of servers for tests: they end with the test, also when it is killed, and so does all that they start."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

MARK = "CARBON_TEST_SERVER"
"""Environment variable by which the processes of a server are found, however they detach themselves."""


class ServerError(RuntimeError):
    """A server for tests cannot be started; the message says what to do, or what it printed last."""


def start(
    command: Sequence[str],
    log: Path,
    mark: str,
    environment: Mapping[str, str],
    *,
    user: Sequence[str] = (),
    stop_signal: str = "TERM",
) -> subprocess.Popen[bytes]:
    """Start a server that stops when this process ends, even if that is killed.

    Args:
        command: the server in the foreground.
        log: where its output goes.
        mark: its name, by which `kill_marked` finds its processes.
        environment: its environment.
        user: a command that runs the server as another user.
        stop_signal: what tells it to stop at once.
    """
    # The kernel forgets the signal when the user changes.
    with log.open("ab") as output:
        return subprocess.Popen(
            [*user, "setpriv", f"--pdeathsig={stop_signal}", *command],
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the test, which then stops the server
        )


def wait_for_line(process: subprocess.Popen[bytes], log: Path, line: str, timeout_s: float = 60.0) -> None:
    """Wait until a server has printed a line.

    Raises:
        ServerError: it has ended, or not printed it in time.
    """
    deadline = time.monotonic() + timeout_s
    while line not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ServerError(f"{process.args!r} does not get ready:\n{last}")
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that are free now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def marked(mark: str) -> set[psutil.Process]:
    """The processes of a server. Some overwrite their environment: they are found as children of others."""
    found = set()
    for process in psutil.process_iter():
        if process.pid != os.getpid() and _mark(process) == mark:
            found.add(process)
            with suppress(psutil.NoSuchProcess):
                found.update(process.children(recursive=True))
    return found


def kill_marked(mark: str, timeout_s: float = 20.0) -> int:
    """Kill the processes of a server with SIGKILL.

    Returns:
        Their number.

    Raises:
        ServerError: some are left.
    """
    deadline, killed = time.monotonic() + timeout_s, set[psutil.Process]()
    while left := set(_alive(marked(mark))):
        if time.monotonic() > deadline:
            raise ServerError(f"processes of {mark} that cannot be killed: {sorted(one.pid for one in left)}")
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        killed |= left
        psutil.wait_procs(left, timeout=1)
    return len(killed)


def stop(
    process: subprocess.Popen[bytes], mark: str, stop_signal: int = signal.SIGTERM, timeout_s: float = 10.0
) -> None:
    """Stop a server: first by the signal on which it tidies up, then by force.

    Raises:
        ServerError: some of its processes are left.
    """
    process.send_signal(stop_signal)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout_s)
    kill_marked(mark)
    process.wait()


def memory_mb(mark: str) -> float:
    """Memory that the processes of a server have of their own (USS), MB."""
    total = 0
    for process in marked(mark):
        with suppress(psutil.Error):
            total += process.memory_full_info().uss
    return total / 1e6


def _alive(processes: set[psutil.Process]) -> Iterator[psutil.Process]:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _mark(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(MARK))
    except psutil.Error:
        return ""
