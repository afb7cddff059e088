"""The curve of a run: its readings as columns, thinned as the run grows; and its phases.

Everything else follows from the curve: power over time, energy of a phase, an hour or a day, and shares where runs
overlap. Nothing here measures.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from carbon_pipeline.model.quantities import J_PER_KWH, Count, CpuSeconds, Energy, Label, Seconds

MOST_SAMPLES = 600
MOST_BYTES = 36_000
"""Most samples in a record, and most bytes that they take as JSON; beyond either, the curve is thinned by half."""

MOST_PHASES = 500
"""Phases that are kept one by one; beyond, those of one name are kept as their number, sum, least and most."""

DIGITS = 9
"""Significant digits of a value in the curve: differences of 1/600 of the total are exact to a millionth."""

MANY = "(other phases)"
"""Name of the phases that have one of too many different names."""


class Point(NamedTuple):
    """One reading: values cumulated since the start of the run; None where a value is not known.

    Attributes:
        at_s: time since the start, seconds.
        cpu_energy_kwh: energy of the CPUs, kWh, PUE included.
        gpu_energy_kwh: energy of the GPUs, kWh, PUE included.
        ram_energy_kwh: energy of the memory, kWh, PUE included.
        process_cpu_s: CPU time of the process and its descendants, seconds.
        host_cpu_s: busy CPU time of the host, seconds.
        process_gpu_s: time in which the process and its descendants kept GPUs busy, seconds.
        process_gpu_memory_gb_s: GPU memory of the process and its descendants times time, GiB s.
    """

    at_s: float
    cpu_energy_kwh: float | None = None
    gpu_energy_kwh: float | None = None
    ram_energy_kwh: float | None = None
    process_cpu_s: float | None = None
    host_cpu_s: float | None = None
    process_gpu_s: float | None = None
    process_gpu_memory_gb_s: float | None = None


def between(before: Point, after: Point, at_s: float) -> Point:
    """The point of a curve at a time between two of its points, by time.

    Args:
        before: a point.
        after: a later point.
        at_s: the time, seconds since the start; beyond the two it is the nearer one.
    """
    span_s = after.at_s - before.at_s
    share = min(max((at_s - before.at_s) / span_s, 0.0), 1.0) if span_s > 0 else 1.0
    values = (
        None if later is None else (earlier or 0.0) + share * (later - (earlier or 0.0))
        for earlier, later in zip(before[1:], after[1:], strict=True)
    )
    return Point(at_s, *values)


Energies = Annotated[list[Energy], Field(max_length=MOST_SAMPLES)]
Times = Annotated[list[CpuSeconds], Field(max_length=MOST_SAMPLES)]


class Samples(BaseModel):
    """Readings of a run as columns: cumulated values, the first at its start (0), the last at its end.

    The energies are in kWh and include the PUE; a column is None if it was not measured. See `Point`.
    """

    model_config = ConfigDict(frozen=True)

    at_s: Annotated[list[Seconds], Field(min_length=2, max_length=MOST_SAMPLES)]
    cpu_energy_kwh: Energies | None = None
    gpu_energy_kwh: Energies | None = None
    ram_energy_kwh: Energies | None = None
    process_cpu_s: Times | None = None
    host_cpu_s: Times | None = None
    process_gpu_s: Times | None = None
    process_gpu_memory_gb_s: Times | None = None

    @model_validator(mode="after")
    def _are_columns_of_a_curve(self) -> "Samples":
        for name in Point._fields:
            column = getattr(self, name)
            if column is None:
                continue
            if len(column) != len(self.at_s):
                raise ValueError(f"{name} has {len(column)} values for {len(self.at_s)} times")
            if column != sorted(column):
                raise ValueError(f"{name} is cumulated, but falls")
        return self


class Phase(BaseModel):
    """A phase of a run, such as an epoch; or, of very many, all that have one name.

    Attributes:
        name: its name.
        started_s: start, seconds since the start of the run; of several, that of the first.
        duration_s: duration, seconds; of several, the sum.
        cpu_energy_kwh: energy of the CPUs, kWh; None if not measured.
        gpu_energy_kwh: energy of the GPUs, kWh.
        ram_energy_kwh: energy of the memory, kWh.
        energy_low_kwh: lower end of the energy at the wall, kWh.
        energy_high_kwh: upper end.
        count: number of phases.
        least_s: duration of the shortest, seconds; None for a single one, as the next three.
        most_s: duration of the longest, seconds.
        least_kwh: energy of the one that used the least, kWh.
        most_kwh: energy of the one that used the most, kWh.
    """

    model_config = ConfigDict(frozen=True)

    name: Label
    started_s: Seconds
    duration_s: Seconds
    cpu_energy_kwh: Energy | None = None
    gpu_energy_kwh: Energy | None = None
    ram_energy_kwh: Energy | None = None
    energy_low_kwh: Energy | None = None
    energy_high_kwh: Energy | None = None
    count: Count = 1
    least_s: Seconds | None = None
    most_s: Seconds | None = None
    least_kwh: Energy | None = None
    most_kwh: Energy | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_kwh(self) -> float | None:
        """Measured energy, kWh: the sum of the parts that are known; None if no part is known."""
        known = [e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None]
        return sum(known) if known else None

    def joined(self, other: "Phase", name: str) -> "Phase":
        """This phase and a later one as one, of which the number, sum, least and most are kept."""
        return Phase(
            name=name,
            started_s=min(self.started_s, other.started_s),
            duration_s=self.duration_s + other.duration_s,
            cpu_energy_kwh=_added(self.cpu_energy_kwh, other.cpu_energy_kwh),
            gpu_energy_kwh=_added(self.gpu_energy_kwh, other.gpu_energy_kwh),
            ram_energy_kwh=_added(self.ram_energy_kwh, other.ram_energy_kwh),
            energy_low_kwh=_added(self.energy_low_kwh, other.energy_low_kwh),
            energy_high_kwh=_added(self.energy_high_kwh, other.energy_high_kwh),
            count=self.count + other.count,
            least_s=min(_known(_either(one.least_s, one.duration_s) for one in (self, other)), default=None),
            most_s=max(_known(_either(one.most_s, one.duration_s) for one in (self, other)), default=None),
            least_kwh=min(_known(_either(one.least_kwh, one.energy_kwh) for one in (self, other)), default=None),
            most_kwh=max(_known(_either(one.most_kwh, one.energy_kwh) for one in (self, other)), default=None),
        )


def phase_of(name: str, began: Point, ended: Point) -> Phase:
    """The phase between two points of a curve."""
    energies = {
        part: None if getattr(ended, part) is None else max(getattr(ended, part) - (getattr(began, part) or 0.0), 0.0)
        for part in ("cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh")
    }
    duration_s = max(ended.at_s - began.at_s, 0.0)
    return Phase(name=name, started_s=max(began.at_s, 0.0), duration_s=duration_s, **energies)


class Curve:
    """Collects the readings of a run. Even spacing is kept as it grows: every second one is dropped when it is full."""

    def __init__(self) -> None:
        self._points = [Point(0.0)]
        self._sizes = [0]
        self._spacing_s = 0.0

    @property
    def last(self) -> Point:
        """The last reading; before the first, a point at 0 s without values."""
        return self._points[-1]

    def add(self, point: Point) -> None:
        """Add a reading. One that is not later than the last replaces it."""
        while len(self._points) > 1 and point.at_s <= self._points[-1].at_s:
            self._drop_last()
        if len(self._points) > 2 and self._points[-1].at_s - self._points[-2].at_s < 0.75 * self._spacing_s:
            self._drop_last()  # the last one is always kept until there is a later one
        self._points.append(point)
        self._sizes.append(sum(len(_text(value)) + 2 for value in point if value is not None))
        while len(self._points) > MOST_SAMPLES or sum(self._sizes) > MOST_BYTES:
            self._thin()

    def samples(self) -> Samples | None:
        """The readings as columns; None while there is none."""
        if len(self._points) < 2:
            return None
        columns = zip(*self._points, strict=True)
        return Samples(**{name: _column(name, values) for name, values in zip(Point._fields, columns, strict=True)})

    def _drop_last(self) -> None:
        self._points.pop()
        self._sizes.pop()

    def _thin(self) -> None:
        kept = [*range(0, len(self._points) - 1, 2), len(self._points) - 1]
        self._points = [self._points[index] for index in kept]
        self._sizes = [self._sizes[index] for index in kept]
        self._spacing_s = (self._points[-1].at_s - self._points[0].at_s) / (len(self._points) - 1)


def energy_at(samples: Samples, at_s: Sequence[float]) -> list[float]:
    """The energy of a run until some moments, kWh: the sum of the parts that are known, between two samples by time.

    Args:
        samples: its curve.
        at_s: the moments, seconds since the start.
    """
    parts = [
        part for part in (samples.cpu_energy_kwh, samples.gpu_energy_kwh, samples.ram_energy_kwh) if part is not None
    ]
    totals = [sum(values) for values in zip(*parts, strict=True)] or [0.0] * len(samples.at_s)
    found = []
    for moment in at_s:
        index = min(max(bisect_right(samples.at_s, moment), 1), len(samples.at_s) - 1)
        before, after = (Point(samples.at_s[i], totals[i]) for i in (index - 1, index))
        found.append(between(before, after, moment).cpu_energy_kwh or 0.0)
    return found


def recent_powers_w(samples: Samples, over_s: float) -> dict[str, float]:
    """The mean power of each part that is measured over the last samples, W.

    Args:
        samples: the curve of a run.
        over_s: how long back, seconds; at least to the last sample but one, at most to the start.

    Returns:
        Keys `cpu`, `gpu`, `ram`.
    """
    if len(samples.at_s) < 2:
        return {}
    first = min(max(bisect_right(samples.at_s, samples.at_s[-1] - over_s) - 1, 0), len(samples.at_s) - 2)
    seconds = samples.at_s[-1] - samples.at_s[first]
    columns = {"cpu": samples.cpu_energy_kwh, "gpu": samples.gpu_energy_kwh, "ram": samples.ram_energy_kwh}
    return {
        name: (column[-1] - column[first]) * J_PER_KWH / seconds
        for name, column in columns.items()
        if column is not None and seconds > 0
    }


def power_curve_w(samples: Samples, count: int) -> list[float]:
    """The mean power in equal parts of the time of a run, W.

    Args:
        samples: its curve.
        count: number of parts; no more are made than there are intervals between samples.
    """
    count = min(count, len(samples.at_s) - 1)
    step_s = samples.at_s[-1] / count if count > 0 else 0.0
    if not step_s:
        return []
    energies = energy_at(samples, [index * step_s for index in range(count + 1)])
    return [max(later - earlier, 0.0) * J_PER_KWH / step_s for earlier, later in pairwise(energies)]


def _column(name: str, values: Sequence[float | None]) -> list[float] | None:
    """The values with few digits, never falling; an unknown one is that before it. None if all are unknown."""
    if all(value is None for value in values[1:]):
        return None
    column: list[float] = []
    for value in values:
        column.append(float(_text(value)) if value is not None else column[-1] if column else 0.0)
    if not name.endswith("_energy_kwh"):  # what a descendant has used is lost if nobody waits for its end
        return list(accumulate(column, max))
    return list(accumulate(reversed(column), min))[::-1]  # a counter that was too high is put right by the next reading


def _text(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def _added(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _either(value: float | None, otherwise: float | None) -> float | None:
    return otherwise if value is None else value


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
