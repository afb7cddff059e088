"""The phases and metrics of a run while it works. Phases are resolved by the readings of the meter, before the curve is
thinned; beginning or ending one costs microseconds.
"""

import math
import threading
import time
from collections import deque
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from carbon_pipeline.model.quantities import LONGEST_LABEL
from carbon_pipeline.model.samples import MANY, MOST_PHASES, START, Phase, PhaseSum, Point, between, phase_between

MOST_METRICS = 500
"""Metrics of a run that are kept."""

MOST_OPEN = 20
"""Open phases that a heartbeat names, the last ones."""


_Around = tuple["Phases | None", tuple[str, ...]]
_around: ContextVar[_Around] = ContextVar("carbon_pipeline_phases_around", default=(None, ()))
"""The run and the phases that this thread or task is in, outermost first."""


class _Mark:
    """Begin and end of one phase, by `time.perf_counter`, and the points of the curve there once they are known."""

    __slots__ = ("around", "at_begin", "began", "ended", "name")

    def __init__(self, name: str, began: float, around: tuple[str, ...]):
        self.name = name
        self.began = began
        self.around = around
        self.ended = math.inf
        self.at_begin: Point | None = None


class PhaseBlock(AbstractContextManager["PhaseBlock"]):
    """A phase, to be used in a `with` statement, any number of times."""

    __slots__ = ("_before", "_marks", "_phases", "name")

    def __init__(self, phases: "Phases | None", name: str):
        """Store the name; the phase begins with the `with` block.

        Args:
            phases: where it is kept; None if nothing is tracked.
            name: its name.
        """
        self.name = _label(name)
        self._phases = phases
        self._marks: list[_Mark] = []
        self._before: list[_Around] = []

    def __enter__(self) -> "PhaseBlock":
        if self._phases:
            run, names = before = _around.get()
            names = names if run is self._phases else ()
            self._marks.append(self._phases.begin(self.name, names))
            self._before.append(before)
            _around.set((self._phases, (*names, self.name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._marks:
            self._marks.pop().ended = time.perf_counter()
            _around.set(self._before.pop())


class Phases:
    """The phases and metrics of one run; any thread may add to them."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self._lock = threading.Lock()
        self._begun: deque[_Mark] = deque()
        self._open: list[_Mark] = []
        self._single: dict[str, list[PhaseSum]] = {}
        self._merged: dict[str, PhaseSum] = {}
        self._kept = 0
        self._started: float | None = None
        self._before = START

    def start(self, started: float) -> None:
        """Begin with a run, at a time (`time.perf_counter`, seconds)."""
        self._started = started

    def begin(self, name: str, around: tuple[str, ...] = ()) -> _Mark:
        """Begin a phase now, within others. Without the lock, which is held while many phases are resolved."""
        mark = _Mark(name, time.perf_counter(), around)
        if self._started is not None:  # else the run has ended, or is not measured
            self._begun.append(mark)
        return mark

    def metric(self, name: str, value: Any) -> str | None:
        """Keep the last value of a metric.

        Returns:
            Why it cannot be kept; None if it is.
        """
        label = _label(name)
        try:
            number = float(value)
        except Exception as error:  # noqa: BLE001 - the user's objects may raise anything, the work must go on
            return f"metric {label!r} is discarded: {_label(error)}"
        if not math.isfinite(number):
            self.metrics.pop(label, None)  # an earlier value would look like the last one
            return f"metric {label!r} is discarded: {number} is not finite"
        if label not in self.metrics and len(self.metrics) >= MOST_METRICS:
            return f"metric {label!r} is discarded: a run has at most {MOST_METRICS} metrics"
        self.metrics[label] = number
        return None

    def add(self, point: Point, *, is_last: bool = False) -> None:
        """Resolve what began or ended until a reading.

        Args:
            point: the reading.
            is_last: whether the run has ended: what is still open ends with it.
        """
        with self._lock:
            while self._begun:
                self._open.append(self._begun.popleft())
            still_open, started = [], self._started or 0.0
            for phase in self._open:
                began_s = phase.began - started
                ended_s = min(phase.ended - started, point.at_s if is_last else math.inf)
                if phase.at_begin is None and began_s <= point.at_s:
                    phase.at_begin = between(self._before, point, began_s)
                if phase.at_begin is not None and ended_s <= point.at_s:
                    ended = between(self._before, point, ended_s)
                    self._keep(phase_between(phase.name, phase.at_begin, ended, phase.around))
                elif not is_last:
                    still_open.append(phase)
            self._open = still_open
            self._before = point
            if is_last:
                self._started = None

    def finished(self) -> list[Phase]:
        """The phases that have ended, in the order of their starts."""
        with self._lock:
            found = [*self._merged.values(), *(phase for phases in self._single.values() for phase in phases)]
            return [phase.phase() for phase in sorted(found, key=lambda phase: (phase.started_s, phase.depth))]

    def open_names(self) -> list[str]:
        """Names of the phases that had begun and not ended at the last reading, in the order of their starts."""
        with self._lock:
            return [phase.name for phase in self._open if phase.ended == math.inf][-MOST_OPEN:]

    def _keep(self, phase: PhaseSum) -> None:
        """Keep a phase; where there are too many, those of the name that has the most become one."""
        if phase.name in self._merged:
            self._merged[phase.name].add(phase)
            return
        self._single.setdefault(phase.name, []).append(phase)
        self._kept += 1
        while self._kept + len(self._merged) > MOST_PHASES:
            most = max(self._single, key=lambda name: len(self._single[name]))
            if len(self._single[most]) == 1:  # names that do not come again: the last one
                most = next(reversed(self._single))
            found = self._single.pop(most)
            self._kept -= len(found)
            name = most if len(found) > 1 else MANY
            if name not in self._merged:
                self._merged[name] = found.pop(0)
                self._merged[name].name = name
            for one in found:
                self._merged[name].add(one)


def _label(name: Any) -> str:
    """A name as text that a record can hold, whatever it is."""
    try:
        text = str(name)
    except Exception:  # noqa: BLE001 - the user's objects may raise anything, the work must go on
        text = type(name).__name__
    return text.encode("utf-8", "backslashreplace").decode()[:LONGEST_LABEL]
