"""The curve of a run: its readings as columns, thinned as the run grows; and its phases.

Everything else follows from the curve: power over time, energy of a phase, an hour or a day, and shares where runs
overlap. Nothing here measures.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    computed_field,
    model_serializer,
    model_validator,
)

from carbon_pipeline.model.quantities import J_PER_KWH, Count, CpuSeconds, Energy, Label, Seconds

MOST_SAMPLES = 600
MOST_BYTES = 34_000
"""Most samples in a record, and most bytes that they take as JSON; beyond either, the curve is thinned by half."""

MOST_PHASES = 500
"""Phases that are kept one by one; beyond, those of the most frequent name are kept as number, sum, least and most."""

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


PARTS = Point._fields[1:4]
"""The energies of a point."""

START = Point(*[0.0] * len(Point._fields))
"""Nothing has been used at the start."""


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
        None if earlier is None or later is None else earlier + share * (later - earlier)
        for earlier, later in zip(before[1:], after[1:], strict=True)
    )
    return Point(at_s, *values)


Energies = Annotated[list[Energy], Field(max_length=MOST_SAMPLES)]
Times = Annotated[list[CpuSeconds], Field(max_length=MOST_SAMPLES)]


class Samples(BaseModel):
    """Readings of a run as columns: cumulated values, the first at its start (0), the last at its end.

    The energies are in kWh and include the PUE; a column is None if it was not measured. See `Point`;
    `wall_energy_kwh` is what a wall meter said.
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
    wall_energy_kwh: Energies | None = None

    @model_validator(mode="after")
    def _are_columns_of_a_curve(self) -> "Samples":
        for name in type(self).model_fields:
            column = getattr(self, name)
            if column is None:
                continue
            if len(column) != len(self.at_s):
                raise ValueError(f"{name} has {len(column)} values for {len(self.at_s)} times")
            if column != sorted(column):
                raise ValueError(f"{name} is cumulated, but falls")
        if self.at_s[0] != 0 or self.at_s[-1] <= 0:
            raise ValueError("at_s begins with 0 and ends above it")
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
        depth: how many phases it is in; those of depth 0 add up to no more than the run.
        parent: the innermost of them.
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
    depth: Count = 0
    parent: Label | None = None
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

    @model_serializer(mode="wrap")
    def _without_what_is_not_known(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class PhaseSum:
    """A phase, or several as one, of which the number, sum, least and most are kept. Cheap, unlike `Phase`.

    Energies are those of `PARTS`, kWh; one that is not known of a phase is not known of the sum.
    """

    __slots__ = (
        "count", "depth", "duration_s", "energies", "least_kwh", "least_s", "most_kwh", "most_s", "name", "parent",
        "started_s",
    )  # fmt: skip

    def __init__(
        self, name: str, started_s: float, duration_s: float, energies: Sequence[float | None], around: Sequence[str]
    ):
        """Begin with one phase.

        Args:
            name: its name.
            started_s: start, seconds since the start of the run.
            duration_s: duration, seconds.
            energies: energies of `PARTS`, kWh.
            around: names of the phases that it is in, outermost first.
        """
        self.name = name
        self.started_s = started_s
        self.duration_s = self.least_s = self.most_s = duration_s
        self.energies = energies
        known = [energy for energy in energies if energy is not None]
        self.least_kwh = self.most_kwh = sum(known) if known else None
        self.depth, self.parent = len(around), around[-1] if around else None
        self.count = 1

    def add(self, other: "PhaseSum") -> None:
        """Add another one."""
        self.started_s = min(self.started_s, other.started_s)
        self.duration_s += other.duration_s
        self.energies = [
            None if one is None or more is None else one + more
            for one, more in zip(self.energies, other.energies, strict=True)
        ]
        self.least_s, self.most_s = min(self.least_s, other.least_s), max(self.most_s, other.most_s)
        if other.least_kwh is not None and other.most_kwh is not None:
            least_kwh, most_kwh = self.least_kwh, self.most_kwh
            self.least_kwh = other.least_kwh if least_kwh is None else min(least_kwh, other.least_kwh)
            self.most_kwh = other.most_kwh if most_kwh is None else max(most_kwh, other.most_kwh)
        self.depth = min(self.depth, other.depth)
        self.parent = self.parent if self.parent == other.parent else None
        self.count += other.count

    def phase(self) -> Phase:
        """The phase of the record."""
        several = ("least_s", "most_s", "least_kwh", "most_kwh") if self.count > 1 else ()
        numbers = {
            "started_s": self.started_s,
            "duration_s": self.duration_s,
            **dict(zip(PARTS, self.energies, strict=True)),
            **{name: getattr(self, name) for name in several},
        }
        rounded = {name: None if value is None else float(_text(value)) for name, value in numbers.items()}
        return Phase(name=self.name, depth=self.depth, parent=self.parent, count=self.count, **rounded)


def sum_of(phase: Phase) -> PhaseSum:
    """A phase of a record as a sum that others can be added to."""
    found = PhaseSum(phase.name, phase.started_s, phase.duration_s, [getattr(phase, part) for part in PARTS], ())
    found.depth, found.parent, found.count = phase.depth, phase.parent, phase.count
    if phase.least_s is not None and phase.most_s is not None:
        found.least_s, found.most_s = phase.least_s, phase.most_s
        found.least_kwh, found.most_kwh = phase.least_kwh, phase.most_kwh
    return found


def phase_between(name: str, began: Point, ended: Point, around: Sequence[str] = ()) -> PhaseSum:
    """The phase between two points of a curve, within others, outermost first."""
    energies = [
        None if before is None or after is None else max(after - before, 0.0)
        for before, after in zip(began[1:4], ended[1:4], strict=True)
    ]
    return PhaseSum(name, max(began.at_s, 0.0), max(ended.at_s - began.at_s, 0.0), energies, around)


class Curve:
    """Collects the readings of a run, and keeps them about evenly spaced as it grows."""

    def __init__(self) -> None:
        self._points = [START]
        self._sizes = [0]

    def add(self, point: Point) -> None:
        """Add a reading. One that is not later than the last replaces it."""
        while len(self._points) > 1 and point.at_s <= self._points[-1].at_s:
            self._drop(len(self._points) - 1)
        self._points.append(point)
        self._sizes.append(sum(len(_text(value)) + 2 for value in point if value is not None))
        while len(self._points) > MOST_SAMPLES or sum(self._sizes) > MOST_BYTES:
            spans = [after.at_s - before.at_s for before, after in zip(self._points, self._points[2:], strict=False)]
            self._drop(1 + spans.index(min(spans)))  # the one whose neighbours are closest

    def samples(self) -> Samples | None:
        """The readings as columns; None while there is none."""
        if self._points[-1].at_s <= 0:
            return None
        times = [point.at_s for point in self._points]
        columns = zip(*self._points, strict=True)
        return Samples(
            **{name: _column(name, times, values) for name, values in zip(Point._fields, columns, strict=True)}
        )

    def _drop(self, index: int) -> None:
        del self._points[index], self._sizes[index]


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


def _column(name: str, times: Sequence[float], values: Sequence[float | None]) -> list[float] | None:
    """The values with few digits, never falling; unknown ones by time between their neighbours. None if none is."""
    if all(value is None for value in values[1:]):
        return None
    known = [(time, value) for time, value in zip(times, values, strict=True) if value is not None]
    column: list[float] = []
    for time, value in zip(times, values, strict=True):
        if value is None:
            after = min(bisect_right(known, (time, math.inf)), len(known) - 1)
            (began, low), (ended, high) = known[after - 1], known[after]
            value = low + (high - low) * min(max((time - began) / (ended - began), 0.0), 1.0) if ended > began else high
        column.append(float(_text(value)))
    if not name.endswith("_energy_kwh"):  # what a descendant has used is lost if nobody waits for its end
        return list(accumulate(column, max))
    return list(accumulate(reversed(column), min))[::-1]  # a counter that was too high is put right by the next reading


def _text(value: float) -> str:
    return f"{value:.{DIGITS}g}"
