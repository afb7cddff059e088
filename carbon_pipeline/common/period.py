"""Periods as people write them: a year, a month, a day, a week, or two of them."""

import re
from calendar import monthrange
from contextlib import suppress
from datetime import date, timedelta

PERIODS = "2026, 2026-11, 2026-11-24, 2026-W48 or 2026-10..2026-11 (days in UTC)"
"""How a period can be written."""


def parse_period(text: str) -> tuple[date, date] | None:
    """Parse a period, such as those of `PERIODS`.

    Returns:
        Its first and last day; None if it is no period.
    """
    first, dots, last = text.strip().partition("..")
    with suppress(ValueError, OverflowError):  # such as a month 13
        start, end = _days(first), _days(last) if dots else _days(first)
        if start and end and start[0] <= end[1]:
            return start[0], end[1]
    return None


def _days(text: str) -> tuple[date, date] | None:
    if found := re.fullmatch(r"(\d{4})-W(\d\d)", text, re.ASCII):
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return monday, monday + timedelta(days=6)
    if not (found := re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", text, re.ASCII)):
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None
    end_month = month or 12
    return date(year, month or 1, day or 1), date(year, end_month, day or monthrange(year, end_month)[1])
