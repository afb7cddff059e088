"""What of a machine's energy belongs to each of the runs that overlap on it.

Pure functions over curves. For each stretch of time between two samples of any run, the machine's energy is that of the
finest curve; it is divided in proportion to the CPU seconds of the runs in it, the energy of the GPUs to their GPU
seconds where all runs know them, else to their memory on the GPUs, else to the CPU seconds; in equal parts where nobody
used anything, or it is not known. A nested run takes its part from the outer one. All that the machine used while at
least one run was there is given to the runs.

The share of a run is the sum over its own samples of w (G(t1) - G(t0)), where w is its rate of use and G(t) the energy
per unit of use of all runs until t: as cheap as sorting all samples, however many runs overlap.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

USES = ("cpu", "gpu", "memory")
"""What tells the part of a run: CPU seconds, GPU seconds, GPU memory times time."""

NOTHING = 1e-6
"""Uses per second below which nobody uses anything: sums of many runs are exact to less."""


@dataclass
class CurveOfRun:
    """A run, as far as attribution needs it. Times are seconds since any moment; energies cumulated, kWh.

    Attributes:
        at_s: times of the samples, rising; the first is the start of the run, the last its end.
        cpu_kwh: energy of CPU and memory at these times, as far as they are known.
        gpu_kwh: energy of the GPUs.
        used: CPU seconds, GPU seconds and GPU memory times time, by `USES`; an unknown one is absent.
        idle_cpu_w: power of CPU and memory of the idle machine, W.
        idle_gpu_w: power of its GPUs, W.
        is_machine: whether the energies are those of the whole machine; otherwise the run keeps its own, and only its
            use counts.
        outer: number of the run that this one is nested in.
        midnights_s: times at which its energy is split into days.
    """

    at_s: "Array"
    cpu_kwh: "Array"
    gpu_kwh: "Array"
    used: Mapping[str, "Array"] = field(default_factory=dict)
    idle_cpu_w: float = 0.0
    idle_gpu_w: float = 0.0
    is_machine: bool = True
    outer: int | None = None
    midnights_s: Sequence[float] = ()


@dataclass(frozen=True)
class Attribution:
    """What belongs to a run.

    Attributes:
        share: attributed energy over the run's own measured energy; None if no other run overlaps.
        idle_share: the same of the energy that the idle machine would have used.
        day_shares: share of each day (UTC) of the attributed energy, adding up to 1; None for a run of one day.
    """

    share: float | None
    idle_share: float | None
    day_shares: list[float] | None


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
    nested = defaultdict(list)
    for run in runs:
        if run.outer is not None:
            nested[run.outer].append(run)
    steps = [_steps(timeline, run, nested[number]) for number, run in enumerate(runs)]
    cpu_kwh, gpu_kwh = _machine(timeline, runs)
    per_use = _energy_per_use(timeline, steps, cpu_kwh, gpu_kwh)
    overlapped = np.concatenate(([0], np.cumsum(timeline.count(step.edges for step in steps) > 1)))
    found = []
    for run, step in zip(runs, steps, strict=True):
        energies = sum(step.weight[use] * np.diff(per_use[use][:, step.edges]) for use in per_use)
        is_shared = overlapped[step.edges[-1]] > overlapped[step.edges[0]]
        found.append(_attribution(timeline, run, step, energies, is_shared=bool(is_shared)))
    return found


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


def _machine(timeline: _Timeline, runs: Sequence[CurveOfRun]) -> tuple["Array", "Array"]:
    """Energy of the machine in each stretch, of CPU and memory and of the GPUs, kWh.

    Each stretch is that of the finest curve there. What a coarser one has seen of its interval beyond the finer ones in
    it is in the rest of that interval.
    """
    import numpy as np

    by_fineness = sorted(
        (number for number, run in enumerate(runs) if run.is_machine),
        key=lambda number: (runs[number].at_s[-1] - runs[number].at_s[0]) / (len(runs[number].at_s) - 1),
    )
    owner = np.full(len(timeline.seconds), -1)
    spans = {number: timeline.index(runs[number].at_s) for number in by_fineness}
    for number in reversed(by_fineness):
        owner[spans[number][0] : spans[number][-1]] = number
    energy = np.zeros((2, len(timeline.seconds)))
    order = np.argsort(owner, kind="stable")
    firsts = np.searchsorted(owner[order], np.arange(len(runs) + 1))
    for number in by_fineness:
        run, span = runs[number], spans[number]
        own = order[firsts[number] : firsts[number + 1]]
        if not len(own):
            continue
        interval = np.searchsorted(span, own, side="right") - 1
        grown = np.stack([np.diff(run.cpu_kwh), np.diff(run.gpu_kwh)])
        own_s = np.bincount(interval, timeline.seconds[own], len(span) - 1)
        rest = np.maximum(grown, 0)
        for partly in np.flatnonzero((own_s > 0) & (own_s < np.diff(run.at_s) - 1e-9)):
            rest[:, partly] -= energy[:, span[partly] : span[partly + 1]].sum(axis=1)
        energy[:, own] = np.maximum(rest, 0)[:, interval] * timeline.seconds[own] / own_s[interval]
    return energy[0], energy[1]


def _energy_per_use(
    timeline: _Timeline, steps: Sequence[_Steps], cpu_kwh: "Array", gpu_kwh: "Array"
) -> dict[str, "Array"]:
    """By use: energy, seconds of CPU and memory, and seconds of the GPUs, each per unit of use and cumulated."""
    import numpy as np

    total = {use: timeline.sum((step.edges, step.weight[use]) for step in steps) for use in (*USES, "equal")}
    usable = {
        use: (total[use] > NOTHING) & (timeline.count(step.edges for step in steps if not step.known[use]) == 0)
        for use in USES
    }
    by_gpu = usable["gpu"]
    by_memory = usable["memory"] & ~by_gpu
    by_cpu = usable["cpu"] & ~by_gpu & ~by_memory
    divided = {
        "cpu": (usable["cpu"], by_cpu),
        "gpu": (None, by_gpu),
        "memory": (None, by_memory),
        "equal": (~usable["cpu"], ~(by_gpu | by_memory | by_cpu)),
    }
    found = {}
    for use, (for_cpu, for_gpus) in divided.items():
        seconds = timeline.seconds
        of_cpu = np.zeros(len(seconds), dtype=bool) if for_cpu is None else for_cpu
        parts = np.stack([cpu_kwh * of_cpu + gpu_kwh * for_gpus, seconds * of_cpu, seconds * for_gpus])
        each = np.divide(parts, total[use], out=np.zeros_like(parts), where=total[use] > NOTHING)
        found[use] = np.concatenate([np.zeros((3, 1)), np.cumsum(each, axis=1)], axis=1)
    return found


def _attribution(timeline: _Timeline, run: CurveOfRun, step: _Steps, parts: Any, *, is_shared: bool) -> Attribution:
    own_kwh = run.cpu_kwh[-1] - run.cpu_kwh[0] + run.gpu_kwh[-1] - run.gpu_kwh[0]
    seconds = run.at_s[-1] - run.at_s[0]
    energies, cpu_s, gpu_s = parts
    if not run.is_machine:  # its own energy, as it measured it
        energies = _between(timeline, step.edges, run, run.cpu_kwh + run.gpu_kwh)
    share = idle_share = day_shares = None
    if is_shared and run.is_machine:
        attributed_s = cpu_s.sum()
        share = energies.sum() / own_kwh if own_kwh > 0 else attributed_s / seconds
        idle_w = run.idle_cpu_w + run.idle_gpu_w
        idle_j = run.idle_cpu_w * cpu_s.sum() + run.idle_gpu_w * gpu_s.sum()
        idle_share = idle_j / (idle_w * seconds) if idle_w > 0 else attributed_s / seconds
    if len(run.midnights_s):
        whole = energies if energies.sum() > 0 else timeline.times[step.edges[1:]] - timeline.times[step.edges[:-1]]
        cuts = [0, *(int(index) for index in (step.edges.searchsorted(timeline.index(run.midnights_s)))), len(whole)]
        day_shares = [float(whole[began:ended].sum() / whole.sum()) for began, ended in pairwise(cuts)]
    return Attribution(
        None if share is None else float(share), None if idle_share is None else float(idle_share), day_shares
    )
