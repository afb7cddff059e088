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


def interval(low: float | None, high: float | None, unit: str) -> str:
    """Write an interval in one unit, that of its upper end.

    Args:
        low: the lower end.
        high: the upper end.
        unit: the unit in which they are given, a key of `UNITS`.

    Returns:
        The interval, such as `7 to 31 mWh`.
    """
    if low is None or high is None:
        return UNKNOWN
    if low == high:
        return amount(low, unit)
    shown = unit_of([low, high], unit)
    return f"{ends(low / shown.size, high / shown.size)} {shown.symbol}"


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


def number(value: float, digits: int = DIGITS) -> str:
    """Write a number with some significant digits, and never with an exponent.

    Returns:
        The number, such as `15.6`, `12,300`, `0.04` or `<0.001`.
    """
    if not math.isfinite(value):
        return UNKNOWN if math.isnan(value) else f"{value}"
    rounded = _rounded(value, digits)
    if value and abs(value) < 10**-MOST_DECIMALS / 2:
        return f"{'<' if value > 0 else '>-'}{10**-MOST_DECIMALS:g}"
    text = f"{rounded:,.{MOST_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ends(low: float, high: float) -> str:
    """Write the ends of an interval, with two significant digits where it is wide.

    Returns:
        The ends, such as `7 to 31`; one number where both are written the same.
    """
    digits = WIDE_DIGITS if low < high / 2 else DIGITS
    texts = number(low, digits), number(high, digits)
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
    return float(f"{value:.{digits}g}") if value else 0.0
