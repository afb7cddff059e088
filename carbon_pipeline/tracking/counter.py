"""The cumulated energy of one channel of a meter, from readings that may fail, jump, restart or come late.

A hardware counter is read as it is: what counts are differences between two readings that the hardware can have made,
however far apart they are. Nothing here reads anything.
"""

from collections import deque
from typing import NamedTuple

from carbon_pipeline.model.power_limits import MOST_PACKAGE_W
from carbon_pipeline.model.quantities import J_PER_KWH

TOLERANCE_KWH = 1 / J_PER_KWH
"""Counters are updated in steps, of a millisecond (RAPL) to a tenth of a second (NVML); at their limit, about 1 J."""

LEAP, LEAP_W = 5.0, 100.0
"""A power of more than so many times the one before, plus so many W, is a leap: another explanation may be better."""

REMEMBERED = 3
"""Readings for which it is remembered what a counter was before it seemed to start anew: it may come back."""


class Channel:
    """Cumulated energy over time, between readings by time.

    Attributes:
        has_glitch: whether the counter made a step that no hardware can make.
        has_failed: whether a reading failed.
    """

    def __init__(self) -> None:
        self.has_glitch = self.has_failed = False
        self._gap_s = 0.0
        self._curve: deque[tuple[float, float]] = deque(maxlen=8)
        self._read_at = 0.0

    def start(self, at: float) -> None:
        """Begin at a time (`time.perf_counter`, seconds)."""
        self._curve.append((at, 0.0))
        self._read_at = at

    def add(self, at: float, energy_kwh: float) -> None:
        """Add the energy since the last reading."""
        self._read_at = at
        self._curve.append((at, self._curve[-1][1] + energy_kwh))

    def add_gap(self, seconds: float) -> None:
        """Note that readings failed for a time."""
        self.has_failed = True
        self._gap_s += seconds

    def unknown_s(self, at: float) -> float:
        """How long the energy until a time has not been known, and may yet become known, seconds."""
        return 0.0

    def gap_s(self, at: float) -> float:
        """Time in which the energy is not known, or is estimated, since readings failed, seconds."""
        return self._gap_s

    def energy_kwh(self, at: float) -> float | None:
        """Energy from the start until a time near the last readings, kWh; None if nothing was measured."""
        if len(self._curve) < 2:
            return None
        points = list(self._curve)
        after = next((index for index, (time, _) in enumerate(points) if index and time >= at), len(points) - 1)
        (began, low), (ended, high) = points[after - 1], points[after]
        if ended <= began:
            return high
        return max(low + (high - low) * (at - began) / (ended - began), 0.0)


class _Good(NamedTuple):
    """A reading that is believed: its time, the value of the counter, the energy since the start."""

    at: float
    value_kwh: float
    energy_kwh: float


class CounterChannel(Channel):
    """A channel of a hardware counter.

    A reading that fails, or that the hardware cannot have made, is skipped; the difference to the next good one covers
    it. Where the counter has started anew, the energy until its first reading is estimated from the power before and
    after. Of two explanations of a reading, the one whose power is closer to the power before is believed.
    """

    def __init__(self, wraps_at_kwh: float = 0.0, most_w: float = MOST_PACKAGE_W):
        """Store the options.

        Args:
            wraps_at_kwh: value at which the counter starts at 0 again, kWh; 0 if it does not.
            most_w: the most that the hardware behind it can draw, W.
        """
        super().__init__()
        self._wraps_at_kwh = wraps_at_kwh
        self._most_w = most_w
        self._good: deque[_Good] = deque(maxlen=2)
        self._suspect: tuple[float, float] | None = None
        self._left: tuple[_Good, float | None, int] | None = None
        self._began = 0.0
        self._failed_since_good = False

    def begin(self, at: float, value_kwh: float | None) -> None:
        """Begin with a first reading."""
        self._began = self._read_at = at
        if value_kwh is None:
            self.has_failed = self._failed_since_good = True
        else:
            self._accept(at, value_kwh, 0.0)

    def read(self, at: float, value_kwh: float | None) -> None:
        """Add a reading.

        Args:
            at: time at which it was read (`time.perf_counter`, seconds).
            value_kwh: value of the counter, kWh; None if it could not be read.
        """
        self._read_at = at
        if value_kwh is None:
            self.has_failed = self._failed_since_good = True
        elif not self._good:
            self._gap_s += at - self._began
            self._accept(at, value_kwh, 0.0)
        else:
            self._judge(at, value_kwh)

    def end(self, at: float) -> None:
        """Judge what was read last: an impossible step is replaced by the power before it."""
        if self._suspect and self._is_last_too_high(*self._suspect):
            self._replace_last(*self._suspect)
        power = self._power_kwh_per_s
        if self._good and not self._failed_since_good and power is not None:
            last = self._good[-1]
            if self._read_at > last.at and at > last.at:
                self._accept(at, last.value_kwh, last.energy_kwh + self._at_most(power) * (at - last.at))

    def unknown_s(self, at: float) -> float:
        """How long the energy until a time has not been known, and may yet become known, seconds."""
        since = self._good[-1].at if self._good else self._began
        return max(at - since, 0.0) if self._read_at > since or not self._good else 0.0

    def gap_s(self, at: float) -> float:
        """Time in which the energy is not known, or is estimated, since readings failed, seconds."""
        return self._gap_s + (self.unknown_s(at) if self._failed_since_good else 0.0)

    def energy_kwh(self, at: float) -> float | None:
        """Energy from the first good reading until a time, kWh; not beyond the last good one if others have failed."""
        if self._good and self._read_at > self._good[-1].at:
            at = min(at, self._good[-1].at)
        return super().energy_kwh(at)

    def _judge(self, at: float, value_kwh: float) -> None:
        last, power = self._good[-1], self._power_kwh_per_s
        step_kwh = self._possible_step(last.at, last.value_kwh, at, value_kwh, power)
        if self._suspect is None:
            if step_kwh is None:
                self.has_glitch, self._suspect = True, (at, value_kwh)
            elif not self._has_come_back(at, value_kwh, step_kwh / max(at - last.at, 1e-9)):
                self._take_step(at, value_kwh, step_kwh)
            return
        began, first_kwh = self._suspect
        anew_kwh = self._possible_step(began, first_kwh, at, value_kwh, power)
        if anew_kwh is not None and (
            step_kwh is None
            or (
                (value_kwh < last.value_kwh or (power is not None and _is_leap(step_kwh / (at - last.at), power)))
                and _is_closer(anew_kwh / (at - began), step_kwh / (at - last.at), power)
            )
        ):
            self._begin_anew(anew_kwh / (at - began))
            self._accept(at, value_kwh, self._good[-1].energy_kwh + anew_kwh)
        elif step_kwh is not None:
            self._take_step(at, value_kwh, step_kwh)
        else:
            self._suspect = at, value_kwh

    def _take_step(self, at: float, value_kwh: float, step_kwh: float) -> None:
        last = self._good[-1]
        energy_kwh = last.energy_kwh
        if self._curve[0][0] == last.at and last.at > self._began:  # the first reading had failed: scaled to the start
            energy_kwh = self._at_most(step_kwh / (at - last.at)) * (last.at - self._began)
            self._curve[0] = last.at, energy_kwh
            self._curve.appendleft((self._began, 0.0))
        self._accept(at, value_kwh, energy_kwh + step_kwh)

    def _begin_anew(self, power_after: float) -> None:
        """Believe the suspect: the counter has started anew with it, or the last good reading was too high."""
        assert self._suspect
        began, first_kwh = self._suspect
        last, before = self._good[-1], self._power_kwh_per_s
        if self._is_last_too_high(began, first_kwh):
            self._replace_last(began, first_kwh)
            return
        if self._failed_since_good:
            self._gap_s += began - last.at
        power = self._at_most(power_after if before is None else (before + power_after) / 2)
        self._left = last, before, REMEMBERED
        self._accept(began, first_kwh, last.energy_kwh + power * (began - last.at))

    def _has_come_back(self, at: float, value_kwh: float, power_now: float) -> bool:
        """Whether a reading goes on from before the counter seemed to start anew; then it is taken so."""
        if self._left is None:
            return False
        left, before, readings = self._left
        self._left = (left, before, readings - 1) if readings > 1 else None
        step_kwh = self._possible_step(left.at, left.value_kwh, at, value_kwh, before)
        if step_kwh is None or not _is_closer(step_kwh / (at - left.at), power_now, before):
            return False
        self._curve = deque(((time, kwh) for time, kwh in self._curve if time <= left.at), maxlen=self._curve.maxlen)
        self._good.clear()
        self._left = None
        self._accept(*left)
        self._accept(at, value_kwh, left.energy_kwh + step_kwh)
        return True

    def _is_last_too_high(self, at: float, value_kwh: float) -> bool:
        """Whether a lower reading fits the good one before the last, so that the last one may have been wrong."""
        if len(self._good) < 2 or value_kwh >= self._good[-1].value_kwh:
            return False
        earlier = self._good[0]
        if value_kwh < earlier.value_kwh:
            return False
        return self._possible_step(earlier.at, earlier.value_kwh, at, value_kwh) is not None

    def _replace_last(self, at: float, value_kwh: float) -> None:
        """Take a reading in place of the last good one."""
        earlier = self._good[0]
        self._curve.pop()
        self._good.pop()
        step_kwh = self._possible_step(earlier.at, earlier.value_kwh, at, value_kwh) or 0.0
        self._accept(at, value_kwh, earlier.energy_kwh + step_kwh)

    @property
    def _power_kwh_per_s(self) -> float | None:
        """Power between the last two good readings."""
        if len(self._good) < 2 or self._good[1].at <= self._good[0].at:
            return None
        return (self._good[1].energy_kwh - self._good[0].energy_kwh) / (self._good[1].at - self._good[0].at)

    def _at_most(self, power: float) -> float:
        """A power, kWh/s, for a time without readings: a short step may show more than the hardware can draw."""
        return min(power, self._most_w / J_PER_KWH)

    def _possible_step(
        self, began: float, before_kwh: float, ended: float, after_kwh: float, power: float | None = None
    ) -> float | None:
        """The energy between two readings, if hardware can have used it."""
        step_kwh, seconds = after_kwh - before_kwh, ended - began
        most_kwh = self._most_w * seconds / J_PER_KWH + TOLERANCE_KWH
        if step_kwh < 0:
            step_kwh += self._wraps_at_kwh
            if power is not None and step_kwh > TOLERANCE_KWH and _is_leap(step_kwh / seconds, power):
                return None
        return step_kwh if 0 <= step_kwh <= most_kwh else None

    def _accept(self, at: float, value_kwh: float, energy_kwh: float) -> None:
        self._good.append(_Good(at, value_kwh, energy_kwh))
        self._curve.append((at, energy_kwh))
        self._suspect = None
        self._failed_since_good = False


def _is_leap(power: float, before: float | None) -> bool:
    """Whether a power is much more than the one before, kWh/s; without one before it may be."""
    return before is None or power > LEAP * before + LEAP_W / J_PER_KWH


def _is_closer(power: float, other: float, before: float | None) -> bool:
    """Whether a power is closer to the one before than another is; without one before, whether it is the lower."""
    return power < other if before is None else abs(power - before) < abs(other - before)
