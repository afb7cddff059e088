"""What of a machine's energy belongs to each of the runs that overlap on it.

Pure functions over curves. For each stretch of time between two samples of any run, the machine's energy is that of the
finest curve; it is divided in proportion to the CPU seconds of the runs in it, the energy of the GPUs to their GPU
seconds where all runs know them, else to their memory on the GPUs, else to the CPU seconds; in equal parts where nobody
used anything, or it is not known. A nested run takes its part from the outer one. All that the machine used while at
least one run was there is given to the runs.

CPU, memory and GPUs are divided each on its own, among the runs that measured them; runs that measured different GPUs
do not divide them. What a wall meter read beyond them is divided as they are: in each stretch, in proportion to the
energy of the components that a run has there.

The share of a run is the sum over its own samples of w (G(t1) - G(t0)), where w is its rate of use and G(t) the energy
per unit of use of all runs until t: as cheap as sorting all samples, however many runs overlap.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

USES = ("gpu", "memory", "cpu")
"""What tells the part of a run: GPU seconds, GPU memory times time, CPU seconds; for GPUs in this order."""

COMPONENTS = ("cpu", "ram", "gpu")
"""What is divided."""

WALL = "wall"
"""What a wall meter read, in place of a component."""

LEAST_KWH = 1e-15
"""Energy below which a quotient has no meaning, kWh."""

NOTHING = 1e-6
"""Uses per second below which nobody uses anything: sums of many runs are exact to less."""

SWEEPS, MOST_WORK = 10, 3e7
"""How often the curves are fitted to one another, and the size of a group (in stretches) beyond which they are not."""


@dataclass
class CurveOfRun:
    """A run, as far as attribution needs it. Times are seconds since any moment; energies cumulated, kWh.

    Attributes:
        at_s: times of the samples, rising; the first is the start of the run, the last its end.
        energies: energy by component of `COMPONENTS` at these times; one that was not measured is absent.
        used: CPU seconds, GPU seconds and GPU memory times time, by `USES`; an unknown one is absent.
        idle_w: power of the components of the idle machine, W.
        gaps: components of which some readings failed: they count where no other run has measured them.
        gpus: names of the GPUs that were measured; none where they are not known.
        is_machine: whether the energies are those of the whole machine; otherwise the run keeps its own, and only its
            use counts.
        outer: number of the run that this one is nested in.
        midnights_s: times at which its energy is split into days.
        wall: energy by a wall meter at the times of the samples; None without one.
    """

    at_s: "Array"
    energies: Mapping[str, "Array"]
    used: Mapping[str, "Array"] = field(default_factory=dict)
    idle_w: Mapping[str, float] = field(default_factory=dict)
    gaps: frozenset[str] = frozenset()
    gpus: frozenset[str] = frozenset()
    is_machine: bool = True
    outer: int | None = None
    midnights_s: Sequence[float] = ()
    wall: "Array | None" = None

    def energy_of(self, component: str) -> "Array":
        """The energy of a component, or by the wall meter, which was measured."""
        if component != WALL:
            return self.energies[component]
        assert self.wall is not None
        return self.wall


@dataclass(frozen=True)
class Attribution:
    """What belongs to a run.

    Attributes:
        share: attributed energy over the run's own measured energy; None if no other run overlaps.
        idle_share: the same of the energy that the idle machine would have used.
        wall_share: the same of the energy by a wall meter; None without one.
        day_shares: share of each day (UTC) of the attributed energy, adding up to 1; None for a run of one day.
    """

    share: float | None
    idle_share: float | None
    day_shares: list[float] | None
    wall_share: float | None = None


def attribute(runs: Sequence[CurveOfRun]) -> list[Attribution]:
    """Divide the energy of a machine among the runs that were on it.

    Args:
        runs: all runs that overlap with one of the others, directly or not; one run alone gets all of its own.

    Returns:
        What belongs to each, in the same order.
    """
    import numpy as np

    times = np.unique(np.concatenate([run.at_s for run in runs] + [np.asarray(run.midnights_s) for run in runs]))
    timeline = _Timeline(times, np.diff(times))
    by_day = [np.zeros(len(run.midnights_s) + 1) for run in runs]
    seconds = [dict.fromkeys(COMPONENTS, 0.0) for _ in runs]
    known: dict[tuple[int, ...], list[_Steps]] = {}
    wall_kwh = [0.0 for _ in runs]
    machines = [
        (
            component,
            members,
            _machine(timeline, [(runs[number], component) for number in members if runs[number].is_machine]),
        )
        for component, members in _divided(runs)
    ]
    at_the_wall, only_wall = _at_the_wall(timeline, runs, [machine for _, _, machine in machines])
    if only_wall.any():  # nothing that could tell the shares but who was there, and worked
        members = tuple(number for number, run in enumerate(runs) if run.wall is not None and run.is_machine)
        steps = known.setdefault(members, _steps_of(timeline, runs, members))
        each = _per_use(timeline, steps, only_wall[None], ("cpu",))
        for number, step in zip(members, steps, strict=True):
            parts = [step.weight[use] * np.diff(cumulated[:, step.edges]) for use, cumulated in each.items()]
            wall_kwh[number] += float(np.sum(parts))
    for component, members, machine in machines:
        if members not in known:
            known[members] = _steps_of(timeline, runs, members)
        amounts = np.stack([machine, timeline.seconds, machine * at_the_wall])
        per_use = _per_use(timeline, known[members], amounts, USES if component == "gpu" else ("cpu",))
        for number, step in zip(members, known[members], strict=True):
            parts = np.sum([step.weight[use] * np.diff(each[:, step.edges]) for use, each in per_use.items()], axis=0)
            by_day[number] += _by_day(timeline, runs[number], step.edges, parts[0])
            seconds[number][component] = float(parts[1].sum())
            wall_kwh[number] += float(parts[2].sum())
    spans = [timeline.index(run.at_s[[0, -1]]) for run in runs]
    overlapped = np.concatenate(([0], np.cumsum(timeline.count(spans) > 1)))
    return [
        _attribution(
            run,
            by_day[number],
            seconds[number],
            wall_kwh[number],
            is_shared=bool(overlapped[span[1]] > overlapped[span[0]]),
        )
        for number, (run, span) in enumerate(zip(runs, spans, strict=True))
    ]


def _divided(runs: Sequence[CurveOfRun]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield each component with the runs among which it is divided; the GPUs by groups that have a GPU in common."""
    for component in COMPONENTS:
        members = [number for number, run in enumerate(runs) if component in run.energies]
        if component != "gpu":
            yield component, tuple(members)
            continue
        groups: list[tuple[set[str], list[int]]] = []
        for number in members:
            gpus = runs[number].gpus
            same = [group for group in groups if not gpus or not group[0] or gpus & group[0]]
            joined = (set(gpus).union(*(group[0] for group in same)), [number])
            for group in same:
                joined[1].extend(group[1])
            if not gpus or any(not group[0] for group in same):  # which GPUs is not known: it may be any
                joined[0].clear()
            groups = [group for group in groups if group not in same] + [joined]
        for _, numbers in groups:
            yield component, tuple(sorted(numbers))


@dataclass(frozen=True)
class _Timeline:
    """All times at which a sample was taken, and the stretches between them."""

    times: "Array"
    seconds: "Array"

    def index(self, at_s: Any) -> Any:
        import numpy as np

        return np.searchsorted(self.times, at_s)

    def sum(self, steps: Any) -> "Array":
        """Sum of step functions, given as (edges, values)."""
        import numpy as np

        changes = np.zeros(len(self.times))
        for edges, values in steps:
            np.add.at(changes, edges[:-1], values)
            np.add.at(changes, edges[1:], -values)
        return np.cumsum(changes)[:-1]

    def count(self, edges: Any) -> "Array":
        """How many of some spans each stretch is in."""
        import numpy as np

        return np.rint(self.sum((span[[0, -1]], np.ones(1)) for span in edges))


@dataclass(frozen=True)
class _Steps:
    """The use of a run as step functions over its edges, less that of the runs nested in it.

    Attributes:
        edges: numbers of times of the timeline.
        weight: by use, the rate; 0 where it is not known. `equal`: 1 where it counts when all parts are equal.
        known: by use, whether it is known.
    """

    edges: Any
    weight: dict[str, "Array"]
    known: dict[str, bool]


def _steps_of(timeline: _Timeline, runs: Sequence[CurveOfRun], members: Sequence[int]) -> list[_Steps]:
    nested = defaultdict(list)
    for number in members:
        outer = runs[number].outer
        if outer is not None:
            nested[outer].append(runs[number])
    return [_steps(timeline, runs[number], nested[number]) for number in members]


def _steps(timeline: _Timeline, run: CurveOfRun, nested: Sequence[CurveOfRun]) -> _Steps:
    import numpy as np

    edges = np.unique(timeline.index(np.concatenate([run.at_s, np.asarray(run.midnights_s)])))
    for other in nested:
        inside = timeline.index(other.at_s)
        edges = np.union1d(edges, inside[(inside > edges[0]) & (inside < edges[-1])])
    seconds = np.diff(timeline.times[edges])
    weight, known = {}, {}
    for use in USES:
        known[use] = use in run.used
        total = _between(timeline, edges, run, run.used[use]) if known[use] else np.zeros(len(seconds))
        for other in nested:
            if use in other.used:
                total = total - _between(timeline, edges, other, other.used[use])
        weight[use] = np.maximum(total, 0) / seconds
    equal = np.ones(len(seconds))
    for other in nested:
        first, last = timeline.index(other.at_s[[0, -1]])
        equal[(edges[:-1] >= first) & (edges[1:] <= last)] = 0
    return _Steps(edges, {**weight, "equal": equal}, known)


def _between(timeline: _Timeline, edges: Any, run: CurveOfRun, cumulated: "Array") -> "Array":
    """What a cumulated quantity of a run grows by between edges."""
    import numpy as np

    return np.diff(np.interp(timeline.times[edges], run.at_s, cumulated))


def _at_the_wall(timeline: _Timeline, runs: Sequence[CurveOfRun], machines: "Sequence[Array]") -> "tuple[Array, Array]":
    """Energy at the wall as a multiple of that of all components, in each stretch; and, kWh, where those have none."""
    import numpy as np

    read = [(run, WALL) for run in runs if run.wall is not None and run.is_machine]
    if not read:
        return np.zeros(len(timeline.seconds)), np.zeros(len(timeline.seconds))
    wall = _machine(timeline, read)
    total = np.sum(machines, axis=0) if machines else np.zeros_like(wall)
    is_known = total > LEAST_KWH
    return np.divide(wall, total, out=np.zeros_like(wall), where=is_known), np.where(is_known, 0.0, wall)


def _machine(timeline: _Timeline, measured: Sequence[tuple[CurveOfRun, str]]) -> "Array":
    """Energy of a component of the machine in each stretch, kWh.

    Each stretch is that of the finest curve there. What a coarser one has seen of its interval beyond the finer ones
    in it is in the rest of that interval. Then the stretches are fitted to what each curve has measured, the finest
    last: where the power changes within an interval of one, the intervals of the others tell when.
    """
    import numpy as np

    runs = sorted(measured, key=lambda one: _fineness(*one))
    energy = np.zeros(len(timeline.seconds))
    owner = np.full(len(energy), -1)
    spans = [timeline.index(run.at_s) for run, _ in runs]
    for number in reversed(range(len(runs))):
        owner[spans[number][0] : spans[number][-1]] = number
    order = np.argsort(owner, kind="stable")
    firsts = np.searchsorted(owner[order], np.arange(len(runs) + 1))
    grown = [np.maximum(np.diff(run.energy_of(component)), 0) for run, component in runs]
    for number, span in enumerate(spans):
        own = order[firsts[number] : firsts[number + 1]]
        if not len(own):
            continue
        interval = np.searchsorted(span, own, side="right") - 1
        own_s = np.bincount(interval, timeline.seconds[own], len(span) - 1)
        rest = grown[number].copy()
        for partly in np.flatnonzero((own_s > 0) & (own_s < np.diff(timeline.times[span]) - 1e-9)):
            rest[partly] -= energy[span[partly] : span[partly + 1]].sum()
        energy[own] = np.maximum(rest, 0)[interval] * timeline.seconds[own] / own_s[interval]
    if len(runs) > 1 and SWEEPS * sum(span[-1] - span[0] for span in spans) <= MOST_WORK:
        for _ in range(SWEEPS):
            for (run, component), span, own_kwh in reversed(list(zip(runs, spans, grown, strict=True))):
                if component not in run.gaps:
                    _fit(energy, span, own_kwh)
    return energy


def _fineness(run: CurveOfRun, component: str) -> tuple[bool, int, float]:
    """The order of curves: without gaps first, then those that measured the most GPUs, then the finest."""
    mean_s = (run.at_s[-1] - run.at_s[0]) / (len(run.at_s) - 1)
    return component in run.gaps, -len(run.gpus) if component == "gpu" else 0, float(mean_s)


def _fit(energy: "Array", span: Any, own_kwh: "Array") -> None:
    """Scale the energies of stretches to what a run has measured in each of its intervals."""
    import numpy as np

    kept = np.diff(span) > 0
    firsts, counts = span[:-1][kept], np.diff(span)[kept]
    now = np.add.reduceat(energy[: span[-1]], firsts)
    factors = np.divide(own_kwh[kept], now, out=np.ones_like(now), where=now > LEAST_KWH)
    energy[span[0] : span[-1]] *= np.repeat(factors, counts)


def _per_use(timeline: _Timeline, steps: Sequence[_Steps], amounts: "Array", uses: Sequence[str]) -> dict[str, "Array"]:
    """By use: amounts in each stretch, per unit of use and cumulated. The first use that is known to all counts."""
    import numpy as np

    seconds = timeline.seconds
    left = np.ones(len(seconds), dtype=bool)
    found = {}
    for use in (*uses, "equal"):
        total = timeline.sum((step.edges, step.weight[use]) for step in steps)
        usable = left & (total > NOTHING)
        if use != "equal":
            usable &= timeline.count(step.edges for step in steps if not step.known[use]) == 0
        left &= ~usable
        each = np.divide(amounts, total, out=np.zeros_like(amounts), where=usable)
        found[use] = np.concatenate([np.zeros((len(amounts), 1)), np.cumsum(each, axis=1)], axis=1)
    return found


def _by_day(timeline: _Timeline, run: CurveOfRun, edges: Any, amounts: "Array") -> "Array":
    """Sums of amounts between edges by day."""
    import numpy as np

    cuts = np.searchsorted(edges, timeline.index(np.asarray(run.midnights_s)))
    return np.asarray([part.sum() for part in np.split(amounts, cuts)])


def _attribution(
    run: CurveOfRun, by_day: "Array", seconds: Mapping[str, float], wall_kwh: float, *, is_shared: bool
) -> Attribution:
    import numpy as np

    own = sum(run.energies.values(), start=np.zeros(len(run.at_s)))
    own_kwh = float(own[-1] - own[0])
    duration_s = float(run.at_s[-1] - run.at_s[0])
    if not run.is_machine:  # its own energy, as it measured it
        by_day = np.diff(np.interp([run.at_s[0], *run.midnights_s, run.at_s[-1]], run.at_s, own))
    share = idle_share = wall_share = day_shares = None
    if is_shared and run.is_machine:
        mean_s = sum(seconds[part] for part in run.energies) / max(len(run.energies), 1)
        own_wall_kwh = float(run.wall[-1] - run.wall[0]) if run.wall is not None else 0.0
        wall_share = wall_kwh / own_wall_kwh if own_wall_kwh > LEAST_KWH else None
        share = float(by_day.sum()) / own_kwh if own_kwh > LEAST_KWH else mean_s / duration_s
        idle_w = sum(run.idle_w.values())
        idle_j = sum(watts * seconds[part] for part, watts in run.idle_w.items())
        idle_share = idle_j / (idle_w * duration_s) if idle_w > 0 else mean_s / duration_s
    if len(run.midnights_s):
        whole = by_day if by_day.sum() > 0 else np.diff([run.at_s[0], *run.midnights_s, run.at_s[-1]])
        day_shares = [float(part / whole.sum()) for part in whole]
    return Attribution(share, idle_share, day_shares, wall_share)
