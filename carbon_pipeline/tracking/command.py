"""Any command under tracking: what `carbon-pipeline run` does. The command's children are measured with it."""

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
    """What became of a command.

    Attributes:
        status: its exit status; as a shell has it, 128 and the number of the signal that ended it.
        record: what was measured; None if the record could not be kept.
    """

    status: int
    record: RunRecord | None


class NoSuchProgramError(InputError):
    """There is no such program, or it cannot be run."""


class CommandFailedError(RuntimeError):
    """The command ended with another status than 0, so that its record says `failed`."""


class CommandCancelledError(BaseException):
    """The command was ended from outside, so that its record says `cancelled`."""


def run_command(
    command: Sequence[str],
    settings: Settings,
    problems: Sequence[str] = (),
    *,
    name: str | None = None,
    task: Mapping[str, Any] | None = None,
) -> Ran:
    """Run a command and measure it until it ends. Its standard streams are untouched.

    Signals are handed on to the command; it ends as it likes, and the record is kept.

    Args:
        command: program and arguments.
        settings: the settings in force.
        problems: which settings could not be used, in sentences.
        name: what is tracked; default the program's name.
        task: fields of BoAmps' `task`, see `track`.

    Returns:
        How it ended and what was measured.

    Raises:
        NoSuchProgramError: there is no such program.
    """
    if shutil.which(command[0]) is None:
        raise NoSuchProgramError(f"{command[0]}: no such program, or it cannot be run")
    run = TrackedRun(
        name or os.path.basename(command[0]), settings=settings, problems=problems, source="command", task=task
    )
    status = 0
    try:
        with run, _Child(command) as child:
            status = child.wait()
            if status:
                raise CommandCancelledError if child.was_signalled else CommandFailedError
    except (CommandFailedError, CommandCancelledError):
        pass
    return Ran(status, run.record if run.landed_at else None)


class _Child:
    """The process, to which signals of ours are handed on while it runs."""

    SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")

    def __init__(self, command: Sequence[str]):
        self._command = command
        self.was_signalled = False

    def __enter__(self) -> "_Child":
        self._process = subprocess.Popen(self._command)
        numbers = [getattr(signal, name) for name in self.SIGNALS if hasattr(signal, name)]
        self._before = {number: signal.signal(number, self._hand_on) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self) -> int:
        """Its exit status, as a shell has it."""
        status = self._process.wait()
        return status if status >= 0 else 128 - status

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        self.was_signalled = True
        if number != signal.SIGINT or not _is_at_a_terminal():  # a terminal has sent its Ctrl-C to the command too
            self._process.send_signal(number)


def _is_at_a_terminal() -> bool:
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):  # no such thing, or Windows
        return False
