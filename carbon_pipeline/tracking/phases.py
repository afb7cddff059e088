"""The phases and metrics of a run while it works. Phases are resolved by the readings of the meter, before the curve is
thinned; beginning or ending one costs microseconds.
"""

import math
import threading
import time
from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from carbon_pipeline.model.quantities import LONGEST_LABEL
from carbon_pipeline.model.samples import MANY, MOST_PHASES, Phase, Point, between, phase_of

MOST_METRICS = 500
"""Metrics of a run that are kept."""

MOST_OPEN = 20
"""Open phases that a heartbeat names, the last ones."""


class _Mark:
    """Begin and end of one phase, by `time.perf_counter`, and the points of the curve there once they are known."""

    __slots__ = ("at_begin", "began", "ended", "name")

    def __init__(self, name: str, began: float):
        self.name = name
        self.began = began
        self.ended = math.inf
        self.at_begin: Point | None = None


class PhaseBlock(AbstractContextManager["PhaseBlock"]):
    """A phase, to be used in a `with` statement, any number of times."""

    __slots__ = ("_marks", "_phases", "name")

    def __init__(self, phases: "Phases | None", name: str):
        """Store the name; the phase begins with the `with` block.

        Args:
            phases: where it is kept; None if nothing is tracked.
            name: its name.
        """
        self.name = name
        self._phases = phases
        self._marks: list[_Mark] = []

    def __enter__(self) -> "PhaseBlock":
        if self._phases:
            self._marks.append(self._phases.begin(self.name))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._marks:
            self._marks.pop().ended = time.perf_counter()


class Phases:
    """The phases and metrics of one run; any thread may add to them."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self._lock = threading.Lock()
        self._begun: deque[_Mark] = deque()
        self._open: list[_Mark] = []
        self._phases: list[Phase] = []
        self._by_name: dict[str, Phase] = {}
        self._started: float | None = None
        self._before = Point(0.0)

    def start(self, started: float) -> None:
        """Begin with a run, at a time (`time.perf_counter`, seconds)."""
        self._started = started

    def begin(self, name: str) -> _Mark:
        """Begin a phase now. Without the lock, which is held while many phases are resolved."""
        mark = _Mark(name, time.perf_counter())
        if self._started is not None:  # else the run has ended, or is not measured
            self._begun.append(mark)
        return mark

    def metric(self, name: str, value: Any) -> str | None:
        """Keep the last value of a metric.

        Returns:
            Why it cannot be kept; None if it is.
        """
        try:
            number = float(value)
        except Exception as error:  # noqa: BLE001 - the user's objects may raise anything, the work must go on
            return f"metric {name!r} is discarded: {error}"
        if not math.isfinite(number):
            return f"metric {name!r} is discarded: {number} is not finite"
        if name not in self.metrics and len(self.metrics) >= MOST_METRICS:
            return f"metric {name!r} is discarded: a run has at most {MOST_METRICS} metrics"
        self.metrics[_label(name)] = number
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
                    self._keep(phase_of(_label(phase.name), phase.at_begin, between(self._before, point, ended_s)))
                elif not is_last:
                    still_open.append(phase)
            self._open = still_open
            self._before = point
            if is_last:
                self._started = None

    def finished(self) -> list[Phase]:
        """The phases that have ended, in the order of their starts."""
        with self._lock:
            return sorted(self._by_name.values() if self._by_name else self._phases, key=lambda phase: phase.started_s)

    def open_names(self) -> list[str]:
        """Names of the phases that had begun and not ended at the last reading, in the order of their starts."""
        with self._lock:
            return [_label(phase.name) for phase in self._open if phase.ended == math.inf][-MOST_OPEN:]

    def _keep(self, phase: Phase) -> None:
        if not self._by_name:
            self._phases.append(phase)
            if len(self._phases) <= MOST_PHASES:
                return
            kept, self._phases = self._phases, []
        else:
            kept = [phase]
        for one in kept:
            name = one.name if one.name in self._by_name or len(self._by_name) < MOST_PHASES - 1 else MANY
            known = self._by_name.get(name)
            self._by_name[name] = known.joined(one, name) if known else one.model_copy(update={"name": name})


def _label(name: Any) -> str:
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return text[:LONGEST_LABEL]
