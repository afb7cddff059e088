"""Whether one run used more energy than comparable runs before it: a test for small samples."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from carbon_pipeline.model.judgement import Judgement
from carbon_pipeline.model.record import RunRecord

SMALLEST_DEVIATION = 0.01
"""Of the logarithms: no meter here repeats itself better than within 1 %."""

FEWEST_RUNS = 3
"""Below this many earlier runs a standard deviation means nothing."""

SHARED = """
assets steps partitions host cpu_model cpu_count gpu_model gpu_count cpu_method gpu_method ram_method tracking_mode
codecarbon_version pue
""".split()
"""What two runs have to share to be comparable."""


class Comparison(NamedTuple):
    """One new value beside earlier ones.

    Attributes:
        ratio: the new value over the geometric mean of the earlier ones: the size of the effect.
        low: lower end of where a further value of the same kind would lie, with the confidence asked for.
        high: upper end of it.
        expected: geometric mean of the earlier values.
        p_value: chance of a value at least as high, if nothing has changed.
        runs: number of earlier values.
    """

    ratio: float
    low: float
    high: float
    expected: float
    p_value: float
    runs: int


def compare(value: float, earlier: Sequence[float], confidence: float = 0.95) -> Comparison:
    """Compare a value with earlier ones: is it higher than one would expect?

    Student's t for one further observation (a prediction interval), on the logarithms: energies are positive, and what
    changes them (more data, another clock rate) multiplies them. It is exact for any number of earlier values from two
    on if their logarithms are normally distributed. Rank tests cannot do that: of n earlier runs and one new one, their
    smallest p is 1/(n+1), so that no run before the twentieth could be told from chance.

    Source: Hahn and Meeker, Statistical Intervals, 1991, section 4.7: mean +- t * s * sqrt(1 + 1/n).

    Args:
        value: the new value, above 0.
        earlier: the earlier ones, above 0; at least `FEWEST_RUNS`.
        confidence: of the interval, between 0 and 1.

    Returns:
        The comparison.

    Raises:
        ValueError: a value is not above 0, or there are too few.
        ImportError: SciPy is not installed; the message says how to install it.
    """
    try:
        from scipy.stats import t as student
    except ImportError as error:
        raise ImportError(
            "energy_regression needs SciPy, the extra `statistics` of this package: "
            "pip install 'carbon-pipeline[statistics]'"
        ) from error

    if len(earlier) < FEWEST_RUNS or not all(0 < number < math.inf for number in (value, *earlier)):
        raise ValueError(f"{FEWEST_RUNS} earlier values or more are needed, all of them above 0")
    logs = [math.log(number) for number in earlier]
    n = len(logs)
    mean = math.fsum(logs) / n
    deviation = math.sqrt(math.fsum((log - mean) ** 2 for log in logs) / (n - 1))
    # The clock and the meter's steps blur every energy: that runs were equal so far is chance.
    spread = max(deviation, SMALLEST_DEVIATION) * math.sqrt(1 + 1 / n)
    distance = (math.log(value) - mean) / spread
    reach = float(student.ppf((1 + confidence) / 2, n - 1)) * spread
    return Comparison(
        ratio=value / math.exp(mean),
        low=math.exp(mean - reach),
        high=math.exp(mean + reach),
        expected=math.exp(mean),
        p_value=float(student.sf(distance, n - 1)),
        runs=n,
    )


def judge_against_earlier_runs(
    runs: Sequence[Mapping[str, Any]],
    running: Sequence[RunRecord],
    alpha: float,
    min_runs: int,
    min_effect: float,
) -> Judgement:
    """Judge whether the latest run of an asset used more energy than comparable earlier ones.

    Args:
        runs: rows of `Warehouse.runs_of_asset`, the latest first.
        running: runs that have not ended yet, on any host.
        alpha: chance of a false alarm, below 0.5.
        min_runs: earlier runs that are needed, at least `FEWEST_RUNS`.
        min_effect: how much more energy is worth an alarm: 0.1 is 10 %.

    Returns:
        The outcome; it passes where the run cannot be compared, and the description names the reason.
    """
    if not runs:
        return Judgement(True, "no completed run of this asset is in the warehouse: is it tracked?", {})
    latest, *earlier = runs
    reason = _not_comparable(latest, latest)
    if any(run.host in latest["host"] and run.started_at < latest["ended_at"] for run in running):
        reason = "other tracked work on its host has not ended yet: the shares of the two are not known"
    if reason:
        return Judgement(True, f"this run cannot be compared: {reason}", {"run": latest["run"]})
    reasons = Counter(reason for run in earlier if (reason := _not_comparable(run, latest)))
    energies = [run["energy_kwh"] for run in earlier if not _not_comparable(run, latest)]
    metadata: dict[str, Any] = {
        "run": latest["run"],
        "carbon/energy_kwh": latest["energy_kwh"],
        "comparable_runs": len(energies),
        "not_comparable": "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common()) or "none",
    }
    if len(energies) < min_runs:
        return Judgement(True, f"{_comparable_runs(len(energies))}, {min_runs} are needed", metadata)
    # alpha is beyond each end, so that the upper one is where the alarm begins.
    found = compare(latest["energy_kwh"], energies, confidence=1 - 2 * alpha)
    metadata |= {
        "effect": found.ratio - 1,
        "p_value": found.p_value,
        "expected_energy_kwh": found.expected,
        "expected_low_kwh": found.low,
        "expected_high_kwh": found.high,
    }
    interval = f"{found.low:.3g} to {found.high:.3g} kWh"
    description = (
        f"{latest['energy_kwh']:.4g} kWh, {found.ratio - 1:+.0%} beside {_comparable_runs(found.runs)} "
        f"(expected {interval}, p = {found.p_value:.2g})"
    )
    return Judgement(found.p_value >= alpha or found.ratio <= 1 + min_effect, description, metadata)


def _comparable_runs(count: int) -> str:
    return f"{count} comparable earlier run{'' if count == 1 else 's'}"


def _not_comparable(run: Mapping[str, Any], latest: Mapping[str, Any]) -> str:
    """Why two runs cannot be compared; empty if they can."""
    if run["energy_kwh"] is None:
        return "its energy is not known"
    if run["energy_kwh"] == 0:
        return "its meter saw nothing"
    if "overlapping" in run["flags"]:
        return "other tracked work ran at the same time"
    if "energy_missing" in run["flags"] or "meter_failed" in run["flags"]:
        return "a part of its energy is missing"
    other = [name for name in SHARED if run[name] != latest[name]]
    return f"other {', '.join(other)}" if other else ""
