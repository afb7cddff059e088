"""A training as the callbacks of trainers see it: its run, its phases and its metrics. No trainer is imported here.

Nothing in here may break the training: what fails is logged once.
"""

import atexit
import functools
import logging
import sys
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ParamSpec

from carbon_pipeline.tracking.phases import PhaseBlock
from carbon_pipeline.tracking.run import TrackedRun, current_run, track

logger = logging.getLogger(__name__)

P = ParamSpec("P")

EPOCH, EVALUATION = "epoch", "evaluation"


class TrainingEndedEarlyError(Exception):
    """The training ended without its trainer having reported why."""


def never_raising(hook: Callable[P, None]) -> Callable[P, None]:
    """Decorate a hook of a callback: an exception of it is logged, and the training goes on."""

    @functools.wraps(hook)
    def guarded(*arguments: P.args, **keywords: P.kwargs) -> None:
        try:
            hook(*arguments, **keywords)
        except Exception as error:  # noqa: BLE001 - the training goes on, whatever fails here
            logger.warning("%s of carbon_pipeline failed; the training continues: %r", hook.__name__, error)

    return guarded


class TrackedTraining:
    """The run that a training belongs to: the innermost tracked run where it begins, else one of its own."""

    def __init__(self, name: str, options: Mapping[str, Any]):
        """Store the options; nothing is measured yet.

        Args:
            name: name of the run, where the training has one of its own.
            options: as for `track`.

        Raises:
            TypeError: an option is unknown, for example misspelt.
        """
        track(name, **options)  # only to raise now, and not in a training that has begun
        self._name = name
        self._options = dict(options)
        self._own: TrackedRun | None = None
        self._run: TrackedRun | None = None
        self._open: dict[str, PhaseBlock] = {}

    def begin(self, *, may_track: bool) -> None:
        """Begin with a training, unless it has begun.

        Args:
            may_track: whether this process tracks the training if nothing else does: one on each machine.
        """
        self._run = self._current
        if self._run or not may_track:
            return
        own = track(self._name, **self._options)
        own.__enter__()
        self._own = self._run = own
        atexit.register(self._end_with_the_process)

    def end(self, error: BaseException | None = None) -> None:
        """End with a training; the run of its own ends as the error has it."""
        for name in list(self._open)[::-1]:
            self.end_phase(name)
        own, self._own, self._run = self._own, None, None
        if own:
            atexit.unregister(self._end_with_the_process)
            own.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)

    def end_if_left_open(self) -> None:
        """End a training that its trainer has left by an exception which it does not report."""
        if self._own:
            self.end(TrainingEndedEarlyError())
        elif self._run:
            self.end()

    def begin_phase(self, name: str) -> None:
        """Begin a phase, unless it has begun."""
        run = self._current
        if run and name not in self._open:
            self._open[name] = run.phase(name).__enter__()

    def end_phase(self, name: str) -> None:
        """End a phase, if it has begun."""
        if block := self._open.pop(name, None):
            block.__exit__(None, None, None)

    def metrics(self, values: Mapping[str, Any] | None) -> None:
        """Record the numbers among the logged values; a tensor of one number is one."""
        if run := self._current:
            for name, value in (values or {}).items():
                number = _number(value)
                if number is not None:
                    run.metric(name, number)

    @property
    def _current(self) -> TrackedRun | None:
        """The run of the training; outside of trainings, and in a process forked within one, the innermost run."""
        return self._run if self._run and self._run.belongs_to_this_process else current_run()

    def _end_with_the_process(self) -> None:
        """End the run of a training that has neither ended nor failed when the process ends."""
        error = getattr(sys, "last_value", None)
        self.end(error if isinstance(error, BaseException) else TrainingEndedEarlyError())

    def __getstate__(self) -> dict[str, Any]:
        """A copy for another process has the options, and begins anew."""
        return {**self.__dict__, "_own": None, "_run": None, "_open": {}}


def _number(value: Any) -> float | None:
    """The value as a number, also that of a tensor or array of one; None if it is none."""
    try:
        if isinstance(value, bool):
            return None
        if hasattr(value, "numel"):  # a tensor
            return float(value.item()) if value.numel() == 1 else None
        return float(value) if isinstance(value, Real) or getattr(value, "size", None) == 1 else None
    except Exception as error:  # noqa: BLE001 - whatever is logged, the other values are kept
        logger.debug("a logged value is no number: %r", error)
        return None
