"""Tests whether runs differ in energy, made for few of them: two groups of runs, or a run and those before it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.model.judgement import Judgement
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.student import t_quantile, t_tail

SMALLEST_DEVIATION = 0.01
"""Minimum standard deviation of the logarithms: no meter used here has a repeatability better than 1 %."""

FEWEST_RUNS = 3
"""Minimum number of earlier runs for the check: with fewer, a standard deviation is meaningless."""

CONFIDENCE = 0.98
"""Confidence of the interval of a comparison, by which it is judged. Of 400 comparisons of equal groups, more than 5 %
are false alarms once in 10,000 such series; at 95 % they would be in nearly every second one."""

CONDITIONS = {
    "cpu_model": "CPU",
    "cpu_count": "CPU count",
    "gpu_model": "GPU",
    "gpu_count": "GPU count",
    "ram_gb": "RAM in GiB",
    "cpu_method": "CPU method",
    "gpu_method": "GPU method",
    "ram_method": "RAM method",
    "codecarbon_version": "CodeCarbon version",
    "tracking_mode": "tracking mode",
    "pue": "PUE",
}
"""Columns that must be equal for the error of the meter to cancel in a ratio of energies, and what they are."""

MOST_GAP = 0.01
"""Share of a run in which readings failed, from which on its energy is incomplete."""

INCOMPLETE = {"gpu_not_measured": "GPUs", "cpu_not_measured": "CPUs"}
"""Flags of runs whose energy lacks a component, and which."""

UNKNOWN = (None, "unknown")

SHARED = ("assets", "steps", "partitions", "host", *CONDITIONS)
"""Columns that must be equal for the check to compare a run with an earlier one."""

MOST_VALUES = 3
"""Values of a condition that a reason lists."""

Run = Mapping[str, Any]
"""A row of `PublishedCopy.group`."""


class Difference(NamedTuple):
    """How much more one group of values is than another.

    Attributes:
        ratio: geometric mean of the second group over that of the first.
        low: lower end of its interval; None where no test is possible.
        high: upper end of its interval.
        p_value: probability of a ratio at least as far from 1, either way, if the groups do not differ.
        deviations: the logarithm of the ratio in standard deviations, corrected for few values (Hedges' g).
    """

    ratio: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    deviations: float | None = None


def difference(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Difference:
    """Test whether two groups of values differ.

    On the logarithms: energies are positive, and what changes them (more data, another clock rate) multiplies them. Two
    t tests: Student's, which is exact where both groups scatter alike, and Welch's, which is nearly so where they do
    not; the one with the wider interval counts. Each on its own has too many false alarms where the groups are small
    and unequal, Welch's with 2 and 10 values twice as many as it should. Where one group is a single value, it is
    Student's test for one further observation. Rank and permutation tests are not suitable: with 3 values in each
    group their smallest p is 0.1, and with one new value and n earlier ones 1/(n+1).

    Sources: Welch, Biometrika 34, 1947; Hahn and Meeker, Statistical Intervals, 1991, section 4.7; Hedges, Journal of
    Educational Statistics 6, 1981.

    Args:
        first: the values that are compared with, above 0.
        second: the values that are compared, above 0.
        confidence: confidence of the interval, between 0 and 1.

    Returns:
        The difference; only a ratio if there are fewer than three values.

    Raises:
        ValueError: a group is empty, or a value is not above 0.
    """
    if not first or not second or not all(0 < value < math.inf for value in (*first, *second)):
        raise ValueError("each group needs a value, and all values must be finite and above 0")
    (n, mean, variance), (m, other_mean, other_variance) = map(_moments, (first, second))
    change, df = other_mean - mean, n + m - 2
    if df < 1:
        return Difference(_exp(change))
    pooled = ((n - 1) * variance + (m - 1) * other_variance) / df
    tests = [(math.sqrt(pooled * (1 / n + 1 / m)), float(df))]
    if min(n, m) > 1:
        one, two = variance / n, other_variance / m
        tests.append((math.sqrt(one + two), (one + two) ** 2 / (one**2 / (n - 1) + two**2 / (m - 1))))
    reach = max(t_quantile((1 - confidence) / 2, freedom) * error for error, freedom in tests)
    return Difference(
        ratio=_exp(change),
        low=_exp(change - reach),
        high=_exp(change + reach),
        p_value=min(max(2 * t_tail(abs(change) / error, freedom) for error, freedom in tests), 1.0),
        deviations=change / math.sqrt(pooled) * (1 - 3 / (4 * df - 1)),
    )


def geometric_mean(values: Sequence[float]) -> float:
    """Compute the geometric mean of values above 0."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def scatter(values: Sequence[float]) -> float | None:
    """Compute the standard deviation of values relative to their mean, from their logarithms; None of a single one."""
    return None if len(values) < 2 else math.sqrt(_variance(values))


def _moments(values: Sequence[float]) -> tuple[int, float, float]:
    # Clock and meter have a limited resolution: equal energies are a coincidence, not zero variance.
    variance = max(_variance(values), SMALLEST_DEVIATION**2) if len(values) > 1 else 0.0
    return len(values), math.fsum(map(math.log, values)) / len(values), variance


def _variance(values: Sequence[float]) -> float:
    logs = [math.log(value) for value in values]
    mean = math.fsum(logs) / len(logs)
    return math.fsum((log - mean) ** 2 for log in logs) / (len(logs) - 1)


def _exp(log: float) -> float:
    return math.exp(max(-700.0, min(log, 700.0)))  # what a float can hold


@dataclass(frozen=True)
class Comparison:
    """Comparison of two groups of runs, A and B.

    Attributes:
        runs_a: the runs of A that can be compared.
        runs_b: those of B.
        energy: how their energies differ; None if a group has no run that can be compared.
        duration: how their durations differ, likewise.
        power: how their mean powers differ, likewise. The ratio of energies is the product of these two.
        verdict: `more`, `less` or `no difference shown` of B; `not comparable` if the ratio may be due to the meter.
        reasons: what makes the groups incomparable, and what else limits the verdict, one sentence each.
        is_alike: whether hardware and methods are known to be equal, so that the systematic error of the meter cancels.
    """

    runs_a: Sequence[Run]
    runs_b: Sequence[Run]
    energy: Difference | None
    duration: Difference | None
    power: Difference | None
    verdict: str
    reasons: Sequence[str]
    is_alike: bool = False


def compare(a: Sequence[Run], b: Sequence[Run]) -> Comparison:
    """Compare two groups of runs.

    Args:
        a: rows of `PublishedCopy.group`. Where all runs of both have a wall meter, its energies are compared.
        b: rows of another group.
    """
    is_at_wall = bool(a and b) and all(run.get("wall_kwh") is not None for run in (*a, *b))
    if is_at_wall:
        a, b = ([{**run, "energy_kwh": run["wall_kwh"]} for run in group] for group in (a, b))
    kept_a, kept_b = ([run for run in group if not _unusable(run)] for group in (a, b))
    left_out = [text for name, group in (("A", a), ("B", b)) for text in _left_out(name, group)]
    if not a or not b:
        names = " and ".join(name for name, runs in (("A", a), ("B", b)) if not runs)
        return Comparison(
            kept_a, kept_b, None, None, None, "not comparable", [f"there are no runs in {names}", *left_out]
        )
    if not kept_a or not kept_b:
        names = " and ".join(name for name, kept in (("A", kept_a), ("B", kept_b)) if not kept)
        reasons = [f"no run of {names} can be compared", *left_out]
        return Comparison(kept_a, kept_b, None, None, None, "not comparable", reasons)
    energy, duration, power = (
        difference([value(run) for run in kept_a], [value(run) for run in kept_b]) for value in (energy_kwh, _s, _kw)
    )
    differ = list(_different_conditions(kept_a, kept_b))
    if differ:
        verdict = "not comparable"
    elif energy.p_value is None or energy.p_value >= 1 - CONFIDENCE:
        verdict = "no difference shown"
    else:
        verdict = "more" if energy.ratio > 1 else "less"
    unknown = [] if differ else _unknown_conditions(kept_a, kept_b)
    at_wall = ["the energies are those of a meter at the wall"] if is_at_wall else []
    reasons = [*differ, *unknown, *_limits(kept_a, kept_b, energy, verdict), *left_out, *at_wall]
    return Comparison(kept_a, kept_b, energy, duration, power, verdict, reasons, is_alike=not differ and not unknown)


def energy_kwh(run: Run) -> float:
    """Get the energy attributed to a run that can be compared, kWh."""
    return float(run["energy_kwh"])


def _s(run: Run) -> float:
    return float(run["duration_s"])


def _kw(run: Run) -> float:
    return energy_kwh(run) / _s(run) * 3600


def _unusable(run: Run) -> str:
    """Reason why a run cannot be compared with any other; empty if it can."""
    if run["status"] != "completed":
        return str(run["status"])
    if run["encloses"]:
        return "the runs nested in it are compared in its place"
    if run["energy_kwh"] is None:
        return "its energy is not known"
    if run["energy_kwh"] <= 0 or not run["duration_s"]:
        return "its meter measured nothing"
    if "energy_missing" in run["flags"] or "meter_failed" in run["flags"]:
        return "a part of its energy is missing"
    if (run["gap_share"] or 0) > MOST_GAP:
        return "readings of its meter failed"
    return ""


def _left_out(name: str, runs: Sequence[Run]) -> list[str]:
    reasons = Counter(reason for run in runs if (reason := _unusable(run)))
    return [
        f"{count:,} run{'' if count == 1 else 's'} of {name} left out: {text}" for text, count in reasons.most_common()
    ]


def _different_conditions(a: Sequence[Run], b: Sequence[Run]) -> list[str]:
    found = []
    for column, label in CONDITIONS.items():
        ours, theirs = ({value for run in group for value in run[column]} for group in (a, b))
        if len(ours | theirs) > 1:
            found.append(f"{label}: {_listed(ours)} in A, {_listed(theirs)} in B")
    for flag, part in INCOMPLETE.items():
        counts = [sum(flag in run["flags"] for run in group) for group in (a, b)]
        if any(counts):
            found.append(
                f"the {part} were not measured in {counts[0]:,} of {len(a):,} runs of A and {counts[1]:,} of "
                f"{len(b):,} of B"
            )
    return found


def _unknown_conditions(a: Sequence[Run], b: Sequence[Run]) -> list[str]:
    """What of hardware and methods is not known, and hosts that differ: errors may not cancel."""
    unknown = [
        label
        for column, label in CONDITIONS.items()
        if any(value in UNKNOWN for run in (*a, *b) for value in run[column])
    ]
    found = [f"not known to be equal: {', '.join(unknown)}"] if unknown else []
    ours, theirs = ({value for run in group for value in run["host"]} for group in (a, b))
    if ours != theirs:
        found.append(
            f"host: {_listed(ours)} in A, {_listed(theirs)} in B; counters of equal machines differ by some percent"
        )
    return found


def _listed(values: set[Any]) -> str:
    texts = sorted(
        f"{value:g}" if isinstance(value, float) else "unknown" if value is None else str(value) for value in values
    )
    more = [f"{len(texts) - MOST_VALUES} more"] if len(texts) > MOST_VALUES else []
    return " and ".join(texts[:MOST_VALUES] + more)


def _limits(a: Sequence[Run], b: Sequence[Run], energy: Difference, verdict: str) -> list[str]:
    found = []
    if energy.high is None or energy.low is None:
        found.append("with one run each no test is possible: nothing tells the ratio from the scatter between runs")
    elif min(len(a), len(b)) == 1:
        found.append("the scatter of the single run is not known; it is taken to be that of the others")
    if energy.high is not None and verdict == "no difference shown":
        reach = energy.high / energy.ratio
        found.append(f"with these runs no ratio between {1 / reach:.3g} and {reach:.3g} can be told from 1")
    shared = [sum("overlapping" in run["flags"] for run in group) for group in (a, b)]
    if shared[0] * len(b) != shared[1] * len(a):
        found.append(
            f"{shared[0]:,} of {len(a):,} runs of A and {shared[1]:,} of {len(b):,} of B overlapped with other tracked "
            "work, with which they share the power of the idle machine"
        )
    scatters = [scatter([energy_kwh(run) for run in group]) for group in (a, b)]
    if any(each is not None and each < SMALLEST_DEVIATION for each in scatters):
        found.append(f"a scatter below {SMALLEST_DEVIATION:.0%} counts as {SMALLEST_DEVIATION:.0%}: no meter is better")
    return found


def judge_against_earlier_runs(
    runs: Sequence[Run],
    running: Sequence[RunRecord],
    alpha: float,
    min_runs: int,
    min_effect: float,
) -> Judgement:
    """Judge whether the latest run of an asset used more energy than comparable earlier ones.

    Args:
        runs: rows of `PublishedCopy.runs_of_asset`, the latest first.
        running: runs that have not ended yet, on any host.
        alpha: probability of a false alarm, below 0.5.
        min_runs: number of comparable earlier runs that are needed, at least `FEWEST_RUNS`.
        min_effect: smallest increase of energy that raises an alarm: 0.1 is 10 %.

    Returns:
        The outcome; it passes where the run cannot be compared, and the description contains the reason.
    """
    if not runs:
        return Judgement(True, "no completed run of this asset is in the warehouse: is it tracked?", {})
    latest, *earlier = runs
    reason = _not_comparable(latest, latest)
    if any(run.host in latest["host"] and run.started_at < latest["ended_at"] for run in running):
        reason = "other tracked work on its host has not ended yet, so that the energy shares are not known"
    if reason:
        return Judgement(True, f"this run cannot be compared: {reason}", {"run": latest["run"]})
    reasons = Counter(reason for run in earlier if (reason := _not_comparable(run, latest)))
    energies = [energy_kwh(run) for run in earlier if not _not_comparable(run, latest)]
    metadata: dict[str, Any] = {
        "run": latest["run"],
        "carbon/energy_kwh": latest["energy_kwh"],
        "comparable_runs": len(energies),
        "not_comparable": "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common()) or "none",
    }
    if len(energies) < max(min_runs, FEWEST_RUNS):
        return Judgement(True, f"{_comparable_runs(len(energies))}, {min_runs} are needed", metadata)
    # alpha is the probability beyond each end, so that the upper end is the threshold of the alarm.
    found = difference(energies, [energy_kwh(latest)], confidence=1 - 2 * alpha)
    assert found.low is not None and found.high is not None and found.p_value is not None  # noqa: PT018
    p_value = found.p_value / 2 if found.ratio >= 1 else 1 - found.p_value / 2
    low, high = latest["energy_kwh"] / found.high, latest["energy_kwh"] / found.low
    metadata |= {
        "effect": found.ratio - 1,
        "p_value": p_value,
        "expected_energy_kwh": latest["energy_kwh"] / found.ratio,
        "expected_low_kwh": low,
        "expected_high_kwh": high,
    }
    description = (
        f"{amount(latest['energy_kwh'], 'kWh')}, {found.ratio - 1:+.0%} compared with "
        f"{_comparable_runs(len(energies))} "
        f"(expected {interval(low, high, 'kWh', latest['energy_kwh'])}, p = {p_value:.2g})"
    )
    return Judgement(p_value >= alpha or found.ratio <= 1 + min_effect, description, metadata)


def _comparable_runs(count: int) -> str:
    return f"{count} comparable earlier run{'' if count == 1 else 's'}"


def _not_comparable(run: Run, latest: Run) -> str:
    """Reason why the check cannot compare two runs; empty if it can."""
    if reason := _unusable(run):
        return reason
    if "overlapping" in run["flags"]:
        return "other tracked work ran at the same time"
    different = [name for name in SHARED if run[name] != latest[name]]
    return f"different {', '.join(different)}" if different else ""
