"""Whether one run used more energy than the runs before it: a test for small samples."""

import math
from collections.abc import Sequence
from typing import NamedTuple

SMALLEST_DEVIATION = 0.01
"""Of the logarithms: no meter here repeats itself better than within 1 %."""

FEWEST_RUNS = 3
"""Below this many earlier runs a standard deviation says nothing."""


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
    """Whether a value is higher than one would expect after the earlier ones.

    Student's t for one further observation (a prediction interval), on the logarithms: energies are positive, and what
    changes them (more data, another clock rate) multiplies them. It is exact for any number of earlier values from two
    on if their logarithms are normally distributed. Rank tests cannot do that: of n earlier runs and one new one, their
    smallest p is 1/(n+1), so that no run could be found out before the twentieth.

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
    # The clock and the meter's steps blur every energy; runs that are equal by chance are not equal for ever.
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
