"""Test whether a run used more energy than comparable earlier runs, for small samples."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from carbon_pipeline.model.judgement import Judgement
from carbon_pipeline.model.record import RunRecord

SMALLEST_DEVIATION = 0.01
"""Minimum standard deviation of the logarithms: no meter used here has a repeatability better than 1 %."""

FEWEST_RUNS = 3
"""Minimum number of earlier runs: with fewer, a standard deviation is meaningless."""

SHARED = """
assets steps partitions host cpu_model cpu_count gpu_model gpu_count cpu_method gpu_method ram_method tracking_mode
codecarbon_version pue
""".split()
"""Columns that must be equal for two runs to be comparable."""


class Comparison(NamedTuple):
    """Comparison of a new value with earlier ones.

    Attributes:
        ratio: the new value over the geometric mean of the earlier ones: the effect size.
        low: lower end of the prediction interval for one further value, at the requested confidence.
        high: upper end of the prediction interval.
        expected: geometric mean of the earlier values.
        p_value: probability of a value at least as high if nothing has changed (one-sided).
        runs: number of earlier values.
    """

    ratio: float
    low: float
    high: float
    expected: float
    p_value: float
    runs: int


def compare(value: float, earlier: Sequence[float], confidence: float = 0.95) -> Comparison:
    """Test whether a value is higher than expected from earlier ones.

    Student's t for one further observation (a prediction interval), on the logarithms: energies are positive, and what
    changes them (more data, another clock rate) multiplies them. The test is exact for two or more earlier values if
    their logarithms are normally distributed. Rank tests are not suitable: with n earlier runs and one new run, their
    smallest p is 1/(n+1), so that no run before the twentieth could be significant at 5 %.

    Source: Hahn and Meeker, Statistical Intervals, 1991, section 4.7: mean +- t * s * sqrt(1 + 1/n).

    Args:
        value: the new value, above 0.
        earlier: the earlier values, above 0; at least `FEWEST_RUNS`.
        confidence: confidence of the prediction interval, between 0 and 1.

    Raises:
        ValueError: a value is not above 0, or there are too few earlier values.
        ImportError: SciPy is not installed; the message contains the command that installs it.
    """
    try:
        from scipy.stats import t as student
    except ImportError as error:
        raise ImportError(
            "energy_regression needs SciPy, the extra `statistics` of this package: "
            "pip install 'carbon-pipeline[statistics]'"
        ) from error

    if len(earlier) < FEWEST_RUNS or not all(0 < number < math.inf for number in (value, *earlier)):
        raise ValueError(f"at least {FEWEST_RUNS} earlier values are needed, and all values must be finite and above 0")
    logs = [math.log(number) for number in earlier]
    n = len(logs)
    mean = math.fsum(logs) / n
    deviation = math.sqrt(math.fsum((log - mean) ** 2 for log in logs) / (n - 1))
    # Clock and meter have a limited resolution: earlier runs with equal energies are a coincidence, not zero variance.
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
    energies = [run["energy_kwh"] for run in earlier if not _not_comparable(run, latest)]
    metadata: dict[str, Any] = {
        "run": latest["run"],
        "carbon/energy_kwh": latest["energy_kwh"],
        "comparable_runs": len(energies),
        "not_comparable": "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common()) or "none",
    }
    if len(energies) < min_runs:
        return Judgement(True, f"{_comparable_runs(len(energies))}, {min_runs} are needed", metadata)
    # alpha is the probability beyond each end, so that the upper end is the threshold of the alarm.
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
        f"{latest['energy_kwh']:.4g} kWh, {found.ratio - 1:+.0%} compared with {_comparable_runs(found.runs)} "
        f"(expected {interval}, p = {found.p_value:.2g})"
    )
    return Judgement(found.p_value >= alpha or found.ratio <= 1 + min_effect, description, metadata)


def _comparable_runs(count: int) -> str:
    return f"{count} comparable earlier run{'' if count == 1 else 's'}"


def _not_comparable(run: Mapping[str, Any], latest: Mapping[str, Any]) -> str:
    """Reason why two runs cannot be compared; empty if they can."""
    if run["energy_kwh"] is None:
        return "its energy is not known"
    if run["energy_kwh"] == 0:
        return "its meter measured nothing"
    if "overlapping" in run["flags"]:
        return "other tracked work ran at the same time"
    if "energy_missing" in run["flags"] or "meter_failed" in run["flags"]:
        return "a part of its energy is missing"
    different = [name for name in SHARED if run[name] != latest[name]]
    return f"different {', '.join(different)}" if different else ""
