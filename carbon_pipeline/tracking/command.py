"""Measurement of a command and its child processes, for `carbon-pipeline run`."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

from carbon_pipeline.errors import InputError
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking.run import TrackedRun


class Ran(NamedTuple):
    """Outcome of a command.

    Attributes:
        status: its exit status; 128 plus the signal number if a signal ended it, as in a shell.
        record: the record of the run; None if it could not be written.
    """

    status: int
    record: RunRecord | None


SCRIPTS = (".py", ".ipynb", ".r", ".jl", ".sh")
"""How the names of scripts end: what a launcher such as python or torchrun runs tells more than its own name."""


class NoSuchProgramError(InputError):
    """The program does not exist or is not executable."""


class CommandFailedError(RuntimeError):
    """The command exited with a status other than 0; its record has the status `failed`."""


class CommandCancelledError(BaseException):
    """The command was ended by a signal to this process; its record has the status `cancelled`."""


def run_command(
    command: Sequence[str],
    settings: Settings,
    problems: Sequence[str] = (),
    *,
    name: str | None = None,
    task: Mapping[str, Any] | None = None,
) -> Ran:
    """Run a command and measure it until it ends. Its standard streams are unchanged.

    Signals are forwarded to the command, which decides how to end; the run is recorded anyway.

    Args:
        command: program and arguments.
        settings: the settings in force.
        problems: settings that could not be used, one sentence each.
        name: name of the run; by default that of the script or module among the arguments, else the program's.
        task: fields of BoAmps' `task`, as in `track`.

    Raises:
        NoSuchProgramError: the program does not exist or is not executable.
    """
    if shutil.which(command[0]) is None:
        raise NoSuchProgramError(f"{command[0]}: program not found or not executable")
    run = TrackedRun(name or _default_name(command), settings=settings, problems=problems, source="command", task=task)
    status = 0
    try:
        with run, _ChildProcess(command) as child:
            status = child.wait()
            if status:
                raise CommandCancelledError if child.was_signalled else CommandFailedError
    except (CommandFailedError, CommandCancelledError):
        pass
    return Ran(status, run.record if run.landed_at else None)


def _default_name(command: Sequence[str]) -> str:
    """Name of what is run: `train.py` of `python -u train.py`, `shop.train` of `python -m shop.train`."""
    program, *arguments = command
    scripts = [argument for argument in arguments if argument.lower().endswith(SCRIPTS)]
    if "-m" in arguments[:-1] and os.path.basename(program).startswith("python"):
        scripts.insert(0, arguments[arguments.index("-m") + 1])
    return os.path.basename(scripts[0] if scripts else program)


class _ChildProcess:
    """The child process; signals to this process are forwarded to it while it runs."""

    SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")

    def __init__(self, command: Sequence[str]):
        self._command = command
        self.was_signalled = False

    def __enter__(self) -> "_ChildProcess":
        self._process = subprocess.Popen(self._command)
        numbers = [getattr(signal, name) for name in self.SIGNALS if hasattr(signal, name)]
        self._previous_handlers = {number: signal.signal(number, self._forward_signal) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def wait(self) -> int:
        """Wait for the child and return its exit status, 128 plus the signal number if a signal ended it."""
        status = self._process.wait()
        return status if status >= 0 else 128 - status

    def _forward_signal(self, number: int, frame: FrameType | None) -> None:
        self.was_signalled = True
        if number != signal.SIGINT or not _is_terminal_foreground():  # a terminal sends Ctrl-C to the command itself
            self._process.send_signal(number)


def _is_terminal_foreground() -> bool:
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):  # no terminal, or Windows
        return False
