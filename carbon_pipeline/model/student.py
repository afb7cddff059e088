"""Student's t distribution in plain Python. The tests that use it are in comparison.py."""

import math

MOST_STEPS = 10_000
"""Steps of the continued fraction; it takes about the square root of the degrees of freedom."""

TINY = 1e-300
"""In place of a zero, to divide by."""


def t_tail(t: float, df: float) -> float:
    """Probability that Student's t exceeds a value.

    It is half the regularized incomplete beta function at df / (df + t^2), for t above 0.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1 and 26.5.8.

    Args:
        t: the value.
        df: degrees of freedom, above 0; any real number, as Welch's test has them.
    """
    if t < 0:
        return 1 - t_tail(-t, df)
    return 0.5 * _incomplete_beta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5)


def t_quantile(tail: float, df: float) -> float:
    """Value that Student's t exceeds with a probability.

    By Newton's method from below, from where it converges without overshooting: the tail is convex.

    Args:
        tail: the probability, above 0 and at most 0.5.
        df: degrees of freedom, above 0.
    """
    t, following = 0.0, 1.0
    while t_tail(following, df) > tail:
        t, following = following, 2 * following
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi * df)
    while True:
        density = scale * math.exp(-(df + 1) / 2 * math.log1p(t * t / df))
        step = (t_tail(t, df) - tail) / density
        t += step
        if step <= 1e-12 * t:
            return t


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b); `rest` is 1 - x, which subtraction would round off."""
    if min(x, rest) <= 0:
        return float(rest <= 0)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest))
    if x <= (a + 1) / (a + b + 2):
        return front / a / _fraction(x, a, b)
    return 1 - front / b / _fraction(rest, b, a)  # the fraction converges fast on this side


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1 + d1 / (1 + d2 / (1 + ...)) of the incomplete beta function, by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, MOST_STEPS):
        m, is_odd = divmod(step, 2)
        if is_odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + term * d) or TINY)
        c = (1 + term / c) or TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
