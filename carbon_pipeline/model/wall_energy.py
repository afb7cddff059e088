"""Energy at the wall from the readings of a wall meter, with what is not known of it. Pure: nothing is read here.

A reading has the power, the meter's energy counter, or both. Where the counter is fine enough (its step is below
`FINE_STEP` of the energy of the run), the energy is its difference; else it is the integral of the power, by straight
lines between readings, which the counter then bounds. What widens the interval: the accuracy of the meter; the step of
its counter; what the power may have done between two readings; and gaps without a reading, in which the machine drew
between half of the least and 1.5 times the most power that was seen.
"""

import math
import statistics
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from carbon_pipeline.model.quantities import J_PER_KWH

MOST_W = 30_000.0
"""The most that a meter at the wall can say, W: two power supplies of the largest servers with GPUs draw 12 kW."""

FINE_STEP = 0.005
"""The share of the energy that a step of the counter may be for the counter to count."""

LONGEST_QUIET_S = 5.0
QUIET_TIMES = 3.0
"""Time between two readings that is no gap yet, seconds, and as a multiple of the usual time between them."""

MOST_GAP = 0.5
"""The share of a run without readings from which on its energy at the wall is not known."""

MOST_POINTS = 1200
"""Points of the curve that are kept; beyond, every other one is dropped, and new ones are further apart."""


class MeterKind(NamedTuple):
    """A kind of wall meter.

    Attributes:
        accuracy: relative error, of any reading.
        power_step_w: resolution of its power, W.
        counter_step_kwh: resolution of its energy counter, kWh; None if it has none.
        lag_s: time over which it averages the power, or by which it is late, seconds.
        every_s: least time between two readings, seconds.
        source: where the numbers are from.
    """

    accuracy: float
    power_step_w: float
    counter_step_kwh: float | None
    lag_s: float
    every_s: float
    source: str


KINDS = {
    "shelly": MeterKind(0.01, 0.1, 1e-6, 1.0, 1.0, "Shelly: 1 % (Plug S, 1PM); API: 0.1 W, 0.001 Wh"),
    "tasmota": MeterKind(0.03, 1.0, 1e-3, 1.0, 1.0, "Tasmota: BL0937 and HLW8012, 2 to 3 % if calibrated; 1 W, 1 Wh"),
    "redfish": MeterKind(0.05, 1.0, None, 5.0, 2.0, "assumed: power supplies with PMBus sensors of 2 to 5 %"),
    "ipmi": MeterKind(0.05, 1.0, None, 5.0, 5.0, "assumed: as redfish, whose sensors it reads"),
    "csv": MeterKind(0.02, 0.1, 1e-3, 1.0, 1.0, "assumed: a plug of 2 %"),
}
"""The kinds of meters that are known, by the name that `CARBON_WALL_METER` begins with."""


@dataclass(frozen=True)
class WallReading:
    """One reading.

    Attributes:
        at_s: its time, seconds since the start of the run; below 0 for one before it.
        power_w: power, W; None if the meter does not say it.
        counter_kwh: its energy counter, kWh; None if it has none.
    """

    at_s: float
    power_w: float | None = None
    counter_kwh: float | None = None


@dataclass(frozen=True)
class WallEnergy:
    """Energy at the wall over a run, without a PUE.

    Attributes:
        energy_kwh: best estimate, kWh.
        low_kwh: lower end, kWh.
        high_kwh: upper end, kWh.
        method: `counter` or `power`.
        gap_s: time without a reading, seconds.
    """

    energy_kwh: float
    low_kwh: float
    high_kwh: float
    method: str
    gap_s: float


class WallLog:
    """Takes the readings of one run as they come, in the order of their times; its memory does not grow with the run.

    Attributes:
        faults: what was wrong with the meter, one sentence for each kind of fault.
    """

    def __init__(self, kind: MeterKind, every_s: float | None = None):
        """Begin without a reading.

        Args:
            kind: the kind of meter.
            every_s: usual time between two readings, seconds; default: that of the kind.
        """
        self.faults: dict[str, str] = {}
        self._kind = kind
        self._quiet_s = max(LONGEST_QUIET_S, QUIET_TIMES * (every_s or kind.every_s))
        self._last: WallReading | None = None
        self._before: WallReading | None = None
        self._sums = _Sums()
        self._times: list[float] = [0.0]
        self._energies: list[float] = [0.0]
        self._apart_s = 0.0
        self._least_w, self._most_w = math.inf, 0.0
        self._head_s = 0.0
        self._ends_at_s = math.inf

    def end_at(self, ended_s: float) -> None:
        """Take no reading beyond the first one at the end of the run or later.

        Args:
            ended_s: that end, seconds since its start.
        """
        self._ends_at_s = ended_s

    def add(self, reading: WallReading) -> None:
        """Add a reading; what is impossible in it is left out, and noted in `faults`."""
        reading = WallReading(
            reading.at_s,
            self._checked(reading.power_w, MOST_W, "W"),
            self._checked(reading.counter_kwh, math.inf, "kWh"),
        )
        last = self._last
        if (reading.power_w is None and reading.counter_kwh is None) or (
            last and (reading.at_s <= last.at_s or last.at_s >= self._ends_at_s)
        ):
            return
        if reading.power_w is None and last and last.counter_kwh is not None and reading.counter_kwh is not None:
            mean_w = (reading.counter_kwh - last.counter_kwh) * J_PER_KWH / (reading.at_s - last.at_s)
            if 0 <= mean_w <= MOST_W:
                reading = WallReading(reading.at_s, mean_w, reading.counter_kwh)
                if last.power_w is None:
                    last = WallReading(last.at_s, mean_w, last.counter_kwh)
        if reading.power_w is None:
            reading = WallReading(reading.at_s, last.power_w if last else None, reading.counter_kwh)
        if last is None or last.power_w is None:
            last = None
            if reading.power_w is None:  # a counter alone, of which the next reading will make a power
                self._last = reading
                return
        self._commit(math.inf)
        self._before, self._last = last, reading
        if (first := last or reading).at_s > 0 and not self._times[1:]:  # no reading before the start: as the first one
            self._head_s = self._head_s or first.at_s
        if reading.at_s > -self._quiet_s and reading.power_w is not None:
            self._least_w, self._most_w = min(self._least_w, reading.power_w), max(self._most_w, reading.power_w)

    def fail(self, kind: str, message: str) -> None:
        """Note a fault; of several of one kind, the first."""
        self.faults.setdefault(kind, message)

    def result(self, ended_s: float) -> WallEnergy | None:
        """The energy from 0 s until the end of the run.

        Args:
            ended_s: end of the run, seconds since its start. The log takes no reading afterwards.

        Returns:
            The energy; None if it is not known, for a reason in `faults`.
        """
        self._commit(ended_s)
        if self._last is None or self._last.power_w is None or ended_s <= 0:
            self.fail("silent", "the wall meter gave no reading")
            return None
        sums = self._sums
        if (rest_s := ended_s - max(self._last.at_s, 0.0)) > 0:  # no reading after the end: as the last one
            self._extrapolate(self._last, rest_s, ended_s)
        if sums.gap_s > 0:
            self.fail("gap", f"no reading of the wall meter for {sums.gap_s:.0f} s in all")
        if sums.gap_s > MOST_GAP * ended_s and not self._counts(sums):
            self.fail("silent", "the wall meter was silent for more than half of the run: its energy is not used")
            return None
        found = self._found(sums, ended_s)
        if self._energies[-1] > 0:
            scale = found.energy_kwh / self._energies[-1]
            self._energies = [energy * scale for energy in self._energies]
        return found

    def energies_at(self, times_s: Sequence[float]) -> list[float]:
        """The energy from 0 s until each of some times, kWh, never falling; beyond the last reading as at that."""
        found = []
        for time_s in times_s:
            after = bisect_right(self._times, time_s)
            if after >= len(self._times):
                found.append(self._energies[-1])
                continue
            before = max(after - 1, 0)
            span_s = self._times[after] - self._times[before]
            share = (time_s - self._times[before]) / span_s if span_s > 0 else 1.0
            found.append(
                self._energies[before] + min(max(share, 0.0), 1.0) * (self._energies[after] - self._energies[before])
            )
        return found

    def _checked(self, value: float | None, most: float, unit: str) -> float | None:
        if value is None or (0 <= value <= most and math.isfinite(value)):
            return value
        self.fail("nonsense", f"the wall meter said {value:g} {unit}")
        return None

    def _commit(self, until_s: float) -> None:
        """Add the time between the last two readings to the sums, as far as it is in the run."""
        before, last = self._before, self._last
        if self._head_s and last and (before or until_s < math.inf):
            head_s, self._head_s = min(self._head_s, until_s), 0.0
            self._extrapolate(before or last, head_s, head_s)
        if before is None or last is None:
            return
        self._before = None
        began_s, ended_s = max(before.at_s, 0.0), min(last.at_s, until_s)
        if ended_s <= began_s:
            return
        is_gap = last.at_s - before.at_s > self._quiet_s
        for name in self._sums.add(before, last, began_s, ended_s, is_gap=is_gap, step_kwh=self._kind.counter_step_kwh):
            self.fail(name, FAULTS[name])
        self._note(ended_s)

    def _extrapolate(self, reading: WallReading, seconds: float, until_s: float) -> None:
        """Add time before the first reading, or after the last one: at its power."""
        is_gap = seconds > self._quiet_s
        self._sums.extrapolate(reading, seconds, is_gap=is_gap, step_kwh=self._kind.counter_step_kwh)
        self._note(until_s)

    def _note(self, at_s: float) -> None:
        if len(self._times) > 2 and self._times[-1] - self._times[-2] < self._apart_s:
            del self._times[-1], self._energies[-1]  # the new point is near enough to the one before
        self._times.append(at_s)
        self._energies.append(max(self._sums.power_j / J_PER_KWH, self._energies[-1]))
        if len(self._times) > MOST_POINTS:
            del self._times[1:-1:2], self._energies[1:-1:2]
            self._apart_s = 2 * max(self._apart_s, at_s / MOST_POINTS)

    def _counts(self, sums: "_Sums") -> bool:
        step_kwh = self._kind.counter_step_kwh
        return (
            step_kwh is not None
            and sums.is_counted
            and step_kwh * (1 + sums.breaks) <= FINE_STEP * sums.counter_j / J_PER_KWH
        )

    def _found(self, sums: "_Sums", ended_s: float) -> WallEnergy:
        lag_j = self._kind.lag_s * (self._most_w - self._least_w)
        power_error_j = 2 * math.sqrt(sums.steps_j2) + lag_j + self._kind.power_step_w / 2 * ended_s
        known_j = sums.power_j - sums.gap_j
        low_j = known_j - power_error_j + 0.5 * self._least_w * sums.gap_s
        high_j = known_j + power_error_j + 1.5 * self._most_w * sums.gap_s
        if not sums.is_counted or self._kind.counter_step_kwh is None:
            return self._ends(sums.power_j, low_j, high_j, "power", sums.gap_s)
        error_j = self._kind.counter_step_kwh * (1 + sums.breaks) * J_PER_KWH + sums.edge_j + lag_j
        least_j, most_j = sums.counter_j - error_j, sums.counter_j + error_j
        # What the power was in a gap is not known: only the counter's word counts there.
        least_known_j = (known_j - power_error_j) * (1 - self._kind.accuracy)
        most_known_j = (known_j + power_error_j) * (1 + self._kind.accuracy) + MOST_W * sums.gap_s
        if most_j < least_known_j or least_j > most_known_j:
            self.fail("contradiction", "power and counter of the wall meter contradict each other")
            return self._ends(sums.power_j, min(low_j, least_j), max(high_j, most_j), "power", sums.gap_s)
        if self._counts(sums):
            return self._ends(sums.counter_j, least_j, most_j, "counter", sums.gap_s)
        low_j, high_j = min(max(low_j, least_j), most_j), max(min(high_j, most_j), least_j)
        return self._ends(min(max(sums.power_j, low_j), high_j), low_j, high_j, "power", sums.gap_s)

    def _ends(self, joules: float, low_j: float, high_j: float, method: str, gap_s: float) -> WallEnergy:
        kwh, low_kwh, high_kwh = joules / J_PER_KWH, max(low_j, 0.0) / J_PER_KWH, high_j / J_PER_KWH
        low_kwh, high_kwh = low_kwh * (1 - self._kind.accuracy), high_kwh * (1 + self._kind.accuracy)
        return WallEnergy(kwh, min(low_kwh, kwh), max(high_kwh, kwh), method, gap_s)


FAULTS = {
    "reset": "the counter of the wall meter started anew",
    "jump": "the counter of the wall meter made a step that no machine can make",
}


@dataclass
class _Sums:
    """What has been added up, J.

    Attributes:
        power_j: integral of the power.
        gap_j: the part of it in gaps.
        gap_s: gaps, seconds.
        steps_j2: sum of the squares of what the power may have done between readings.
        counter_j: what the counter grew by; where it broke, the integral of the power.
        edge_j: what the interpolation of the counter at both ends may be off by.
        breaks: how often it broke.
        is_counted: whether the counter was there all the time.
    """

    power_j: float = 0.0
    gap_j: float = 0.0
    gap_s: float = 0.0
    steps_j2: float = 0.0
    counter_j: float = 0.0
    edge_j: float = 0.0
    breaks: int = 0
    is_counted: bool = True

    def add(
        self,
        before: WallReading,
        last: WallReading,
        began_s: float,
        ended_s: float,
        *,
        is_gap: bool,
        step_kwh: float | None,
    ) -> Iterable[str]:
        """Add the part of the time between two readings that is in the run. Yields the names of faults."""
        assert before.power_w is not None
        assert last.power_w is not None
        first_w = before.power_w
        span_s = last.at_s - before.at_s
        slope = (last.power_w - first_w) / span_s
        middle_s = (began_s + ended_s) / 2 - before.at_s
        joules = (ended_s - began_s) * (first_w + slope * middle_s)
        self.power_j += joules
        if is_gap:
            self.gap_j += joules
            self.gap_s += ended_s - began_s
        else:
            self.steps_j2 += ((last.power_w - first_w) / 2 * (ended_s - began_s)) ** 2
        if before.counter_kwh is None or last.counter_kwh is None or step_kwh is None:
            self.is_counted = False
            return
        grown_j, step_j = (last.counter_kwh - before.counter_kwh) * J_PER_KWH, step_kwh * J_PER_KWH
        fault = "reset" if grown_j < -step_j / 2 else "jump" if grown_j > MOST_W * span_s + step_j else None
        if fault:
            self.breaks += 1
            self.is_counted = self.is_counted and not is_gap  # what it missed in a gap is not known
            self.counter_j += joules
            yield fault
            return
        whole_j = span_s * (first_w + last.power_w) / 2
        share = joules / whole_j if whole_j > 0 else (ended_s - began_s) / span_s
        self.counter_j += grown_j * share
        if share < 1:  # what of it is in the run is known from the power only
            self.edge_j += abs(last.power_w - first_w) / 2 * span_s

    def extrapolate(self, last: WallReading, seconds: float, *, is_gap: bool, step_kwh: float | None) -> None:
        """Add time after the last reading, or before the first: at its power."""
        joules = (last.power_w or 0.0) * seconds
        self.power_j += joules
        if is_gap:
            self.gap_j += joules
            self.gap_s += seconds
        else:
            self.steps_j2 += (joules / 2) ** 2
        if last.counter_kwh is None or step_kwh is None or is_gap:
            self.is_counted = False
        else:
            self.counter_j += joules
            self.edge_j += joules / 2


def energy_of_log(
    kind: MeterKind, readings: Sequence[WallReading], ended_s: float
) -> tuple[WallEnergy | None, WallLog]:
    """The energy of a run from a complete log.

    Args:
        kind: the kind of meter.
        readings: the readings in the order of their times; any may be outside the run.
        ended_s: end of the run, seconds since its start.

    Returns:
        The energy, None if it is not known; and the log, with the faults.
    """
    times = [reading.at_s for reading in readings]
    spans_s = [after - before for before, after in pairwise(times)]
    log = WallLog(kind, statistics.median(spans_s) if spans_s else None)
    first = max(bisect_right(times, 0.0) - 1, 0)
    for reading in readings[first:]:
        log.add(reading)
        if reading.at_s >= ended_s:
            break
    return log.result(ended_s), log
