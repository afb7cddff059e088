"""Amounts as people read them: `15.6 mWh`, `340 g CO2eq`, `2 h 13 min`. Machines get full numbers."""

import math
from collections.abc import Iterable
from typing import NamedTuple

UNKNOWN = "unknown"

DIGITS = 3
"""Significant digits of an amount."""

WIDE_DIGITS = 2
"""Significant digits of an interval whose lower end is less than half the upper one."""

MOST_DECIMALS = 3
"""Decimals of the smallest amounts; what is less is shown as less."""

LOWEST_DECIMALS = 5
"""The same for the lower end of an interval, which has the unit of a larger number."""

MOST_AS_VALUE = 1e5
"""An interval has the unit of the value that it belongs to, up to this number."""


class Unit(NamedTuple):
    """A unit in which an amount is shown.

    Attributes:
        size: how many of the unit in which the amount is given make one.
        symbol: what people read.
    """

    size: float
    symbol: str


def _prefixed(symbol: str, kilo: float, prefixes: str = "Mk mµn") -> tuple[Unit, ...]:
    sizes = {"M": kilo * 1e3, "k": kilo, " ": kilo / 1e3, "m": kilo / 1e6, "µ": kilo / 1e9, "n": kilo / 1e12}
    return tuple(Unit(sizes[prefix], prefix.strip() + symbol) for prefix in prefixes)


SECONDS = (Unit(86400.0, "d"), Unit(3600.0, "h"), Unit(60.0, "min"))

UNITS: dict[str, tuple[Unit, ...]] = {
    "kWh": _prefixed("Wh", 1.0),
    "W": _prefixed("W", 1e3),
    "kg CO2eq": (Unit(1e3, "t CO2eq"), *_prefixed("g CO2eq", 1.0, "k mµn")),
    "s": (*SECONDS, *_prefixed("s", 1e3, " mµn")),
    "l": _prefixed("l", 1e3, " mµ"),
    "GiB": (Unit(1.0, "GiB"),),
    "gCO2eq/kWh": (Unit(1.0, "gCO2eq/kWh"),),
}
"""The units of each quantity, the largest first, by the unit of the numbers in records and in the warehouse."""


def amount(value: float | None, unit: str) -> str:
    """Write an amount with three significant digits and the unit that suits it.

    Args:
        value: the amount; None if it is not known.
        unit: the unit in which it is given, a key of `UNITS`.

    Returns:
        The amount, such as `15.6 mWh`, `340 g CO2eq` or `2 h 13 min`.
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if unit == "s" and abs(value) >= 59.5:
        return _time(value)
    shown = unit_of([value], unit)
    return f"{number(value / shown.size)} {shown.symbol}"


def interval(low: float | None, high: float | None, unit: str, of: float | None = None) -> str:
    """Write an interval in one unit: that of the value to which it belongs, else that of its upper end.

    Args:
        low: the lower end.
        high: the upper end.
        unit: the unit in which they are given, a key of `UNITS`.
        of: the value beside which the interval is read.

    Returns:
        The interval, such as `7 to 31 mWh`.
    """
    if low is None or high is None:
        return UNKNOWN
    if low == high:
        return amount(low, unit)
    shown = unit_beside(unit_of([of], unit), [low, high], unit) if of else unit_of([low, high], unit)
    return f"{ends(low / shown.size, high / shown.size)} {shown.symbol}"


def unit_beside(unit_of_value: Unit, ends: Iterable[float | None], unit: str) -> Unit:
    """Choose the unit of intervals that stand beside values: that of the values, if no end is a huge number in it.

    Args:
        unit_of_value: the unit in which the values are shown.
        ends: the ends of the intervals.
        unit: the unit in which they are given, a key of `UNITS`.
    """
    own = unit_of(ends := list(ends), unit)
    largest = max((abs(end) for end in ends if end is not None), default=0.0)
    return unit_of_value if largest < MOST_AS_VALUE * unit_of_value.size else own


def unit_of(values: Iterable[float | None], unit: str) -> Unit:
    """Choose the unit in which the largest of some amounts has one to three digits before its point.

    Args:
        values: the amounts.
        unit: the unit in which they are given, a key of `UNITS`.
    """
    units = UNITS[unit]
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    if largest == 0.0:
        return min(units, key=lambda one: abs(math.log(one.size)))
    # Three digits of 999.5 are 1000: that is 1 of the next unit.
    return next((one for one in units if _rounded(largest / one.size, DIGITS) >= 1), units[-1])


def number(value: float, digits: int = DIGITS, decimals: int = MOST_DECIMALS) -> str:
    """Write a number with some significant digits, and never with an exponent.

    Args:
        value: the number.
        digits: how many significant digits it has at most.
        decimals: how many decimals it has at most.

    Returns:
        The number, such as `15.6`, `12,300`, `0.04` or `<0.001`.
    """
    if not math.isfinite(value):
        return UNKNOWN if math.isnan(value) else f"{value}"
    rounded = _rounded(value, digits)
    if value and abs(value) < 10**-decimals / 2:
        return f"{'<' if value > 0 else '>-'}{10**-decimals:.{decimals}f}"
    text = f"{rounded:,.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ends(low: float, high: float) -> str:
    """Write the ends of an interval, with two significant digits where it is wide.

    Returns:
        The ends, such as `7 to 31`; one number where both are written the same.
    """
    digits = WIDE_DIGITS if low < high / 2 else DIGITS
    texts = number(low, digits, LOWEST_DECIMALS if digits == WIDE_DIGITS else MOST_DECIMALS), number(high, digits)
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def clock(seconds: float) -> str:
    """Write a duration that is in progress, to the second.

    Returns:
        The duration, such as `12 s`, `3:05` (minutes) or `1:02:03` (hours).
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def _time(seconds: float) -> str:
    """A duration of a minute or more in its two largest units, such as `2 h 13 min`."""
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    (day, _), (hour, _), (minute, _) = SECONDS
    if (rounded := round(seconds)) < hour:
        whole, rest, names = *divmod(rounded, int(minute)), ("min", "s")
    elif (rounded := round(seconds / minute)) < day / minute:
        whole, rest, names = *divmod(rounded, 60), ("h", "min")
    else:
        whole, rest, names = *divmod(round(seconds / hour), 24), ("d", "h")
    return f"{sign}{whole:,} {names[0]}" + (f" {rest} {names[1]}" if rest else "")


def _rounded(value: float, digits: int) -> float:
    # What is computed with a rounding error, such as 0.0009995 / 0.001, is a tie as well, and a tie goes up.
    return float(f"{value * (1 + 1e-13):.{digits}g}") if value else 0.0
