"""The cumulated energy of one channel of a meter, from readings that may fail, jump, restart or come late.

A hardware counter is read as it is: what counts are differences between two readings that the hardware can have made,
however far apart they are. Nothing here reads anything.
"""

from collections import deque

from carbon_pipeline.model.quantities import J_PER_KWH

MOST_W = 1250.0
"""The most that one package, or one GPU board, can draw, W: 2.5 times the largest TDP of a processor (power_limits)."""

TOLERANCE_KWH = 1 / J_PER_KWH
"""Counters are updated in steps, of a millisecond (RAPL) to a tenth of a second (NVML); at MOST_W, about 1 J."""

LONG_GAP_S = 60.0
"""A counter that could not be read for this long is no longer waited for, seconds."""


class Channel:
    """Cumulated energy over time, between readings by time.

    Attributes:
        gap_s: time in which the energy is not known, or is estimated, since readings failed, seconds.
        has_glitch: whether the counter made a step that no hardware can make.
        has_failed: whether a reading failed.
    """

    def __init__(self) -> None:
        self.gap_s = 0.0
        self.has_glitch = self.has_failed = False
        self._curve: deque[tuple[float, float]] = deque(maxlen=4)
        self._read_at: float | None = None

    def start(self, at: float) -> None:
        """Begin at a time (`time.perf_counter`, seconds)."""
        self._curve.append((at, 0.0))
        self._read_at = at

    def add(self, at: float, energy_kwh: float) -> None:
        """Add the energy since the last reading."""
        self._read_at = at
        self._curve.append((at, self._curve[-1][1] + energy_kwh))

    @property
    def is_waiting(self) -> bool:
        """Whether the energy until the last reading may yet become known."""
        return False

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


class CounterChannel(Channel):
    """A channel of a hardware counter.

    A reading that fails, or that the hardware cannot have made, is skipped; the difference to the next good one covers
    it. Where the counter has started anew, the energy until its first reading is estimated from the power before and
    after.
    """

    def __init__(self, wraps_at_kwh: float = 0.0):
        """Store the options.

        Args:
            wraps_at_kwh: value at which the counter starts at 0 again, kWh; 0 if it does not.
        """
        super().__init__()
        self._wraps_at_kwh = wraps_at_kwh
        self._good: deque[tuple[float, float, float]] = deque(maxlen=2)  # time, value of the counter, energy
        self._suspect: tuple[float, float] | None = None
        self._began = 0.0
        self._failed_since_good = False

    def begin(self, at: float, value_kwh: float | None) -> None:
        """Begin with a first reading."""
        self.start(at)
        self._began = at
        self._curve.clear()
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
            self.gap_s += at - self._began
            self._accept(at, value_kwh, 0.0)
        else:
            self._judge(at, value_kwh)

    def end(self, at: float) -> None:
        """Judge what was read last: an impossible step is replaced by the power before it; what failed is a gap."""
        if not self._good:
            self.gap_s = at - self._began
            return
        if self._suspect and self._is_last_too_high(*self._suspect):
            self._replace_last(*self._suspect)
        time, value, energy_kwh = self._good[-1]
        if self._read_at is None or self._read_at <= time or at <= time:
            return
        if self._failed_since_good:
            self.gap_s += at - time
        elif self._power_kwh_per_s is not None:
            self._accept(at, value, energy_kwh + self._power_kwh_per_s * (at - time))

    @property
    def is_waiting(self) -> bool:
        """Whether the last reading was no good one, unless that is long ago."""
        if not self._good or self._read_at is None:
            return False
        return 0 < self._read_at - self._good[-1][0] < LONG_GAP_S

    def energy_kwh(self, at: float) -> float | None:
        """Energy from the first good reading until a time, kWh; not beyond the last good one if others have failed."""
        if self._good and self._read_at is not None and self._read_at > self._good[-1][0]:
            at = min(at, self._good[-1][0])
        return super().energy_kwh(at)

    def _judge(self, at: float, value_kwh: float) -> None:
        time, last_kwh, energy_kwh = self._good[-1]
        step_kwh = self._possible_step(time, last_kwh, at, value_kwh)
        if step_kwh is not None:
            if self._curve[0][0] == time and time > self._began:  # the first reading had failed: scaled to the start
                energy_kwh = step_kwh / (at - time) * (time - self._began)
                self._curve[0] = time, energy_kwh
                self._curve.appendleft((self._began, 0.0))
            self._accept(at, value_kwh, energy_kwh + step_kwh)
            return
        self.has_glitch = True
        if self._suspect:
            began, first_kwh = self._suspect
            step_kwh = self._possible_step(began, first_kwh, at, value_kwh)
            if step_kwh is not None:
                if self._is_last_too_high(began, first_kwh):
                    self._replace_last(began, first_kwh)
                else:  # it has started anew
                    after = step_kwh / (at - began)
                    before = self._power_kwh_per_s
                    power = after if before is None else (before + after) / 2
                    if self._failed_since_good:
                        self.gap_s += began - time
                    self._accept(began, first_kwh, energy_kwh + power * (began - time))
                self._accept(at, value_kwh, self._good[-1][2] + step_kwh)
                return
        self._suspect = at, value_kwh

    def _is_last_too_high(self, at: float, value_kwh: float) -> bool:
        """Whether a lower reading fits the good one before the last, so that the last one may have been wrong."""
        if len(self._good) < 2 or value_kwh >= self._good[-1][1]:
            return False
        earlier, before_kwh, _ = self._good[0]
        return self._possible_step(earlier, before_kwh, at, value_kwh) is not None

    def _replace_last(self, at: float, value_kwh: float) -> None:
        """Take a reading in place of the last good one."""
        earlier, before_kwh, energy_before_kwh = self._good[0]
        self._curve.pop()
        self._good.pop()
        step_kwh = self._possible_step(earlier, before_kwh, at, value_kwh) or 0.0
        self._accept(at, value_kwh, energy_before_kwh + step_kwh)

    @property
    def _power_kwh_per_s(self) -> float | None:
        """Power between the last two good readings."""
        if len(self._good) < 2 or self._good[1][0] <= self._good[0][0]:
            return None
        return (self._good[1][2] - self._good[0][2]) / (self._good[1][0] - self._good[0][0])

    def _possible_step(self, began: float, before_kwh: float, ended: float, after_kwh: float) -> float | None:
        """The energy between two readings, if hardware can have used it."""
        step_kwh = after_kwh - before_kwh
        if step_kwh < 0:
            step_kwh += self._wraps_at_kwh
        most_kwh = MOST_W * (ended - began) / J_PER_KWH + TOLERANCE_KWH
        return step_kwh if 0 <= step_kwh <= most_kwh else None

    def _accept(self, at: float, value_kwh: float, energy_kwh: float) -> None:
        self._good.append((at, value_kwh, energy_kwh))
        self._curve.append((at, energy_kwh))
        self._suspect = None
        self._failed_since_good = False
