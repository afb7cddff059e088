"""The table of the checks: comparisons of what is expected with what was measured."""

from collections.abc import Iterable
from typing import Any, NamedTuple

HOLDS, FAILS, NOT_RUN = "holds", "FAILS", "not run"
WIDTHS = (48, 24, 24, 9, 7)
"""Characters of each column, so that a terminal shows the table of Markdown as one."""


class Row(NamedTuple):
    """One comparison.

    Attributes:
        what: what is compared.
        expected: the expected value and the tolerance.
        measured: the measured value; why it was not run or failed.
        deviation: of the measured from the expected value.
        verdict: `holds`, `FAILS` or `not run`.
    """

    what: str
    expected: str
    measured: str
    deviation: str
    verdict: str

    def __str__(self) -> str:
        return f"| {' | '.join(text.ljust(width) for text, width in zip(self, WIDTHS, strict=True))} |"


HEADER = (Row("what", "expected", "measured", "deviation", "verdict"), Row(*("-" * width for width in WIDTHS)))


def near(what: str, expected: float, measured: float, unit: str, tolerance: float) -> Row:
    """The measured value is the expected one, within a relative tolerance."""
    deviation = measured / expected - 1 if expected else float(measured != 0)
    allowed = f" +- {tolerance:.0%}" if tolerance else ""
    return _row(
        what, f"{expected:.4g} {unit}{allowed}", f"{measured:.4g} {unit}", deviation, abs(deviation) <= tolerance
    )


def in_interval(what: str, true: float, measured: float, unit: str, low: float, high: float) -> Row:
    """The true value is between `low` and `high` times the measured one (as in `model/interval.py`)."""
    ratio = true / measured if measured else float("inf")
    expected = f"{true:.4g} {unit}, x {low:g} to {high:g}"
    deviation = measured / true - 1 if true else None
    return _row(what, expected, f"{measured:.4g} {unit}", deviation, low <= ratio <= high)


def at_most(what: str, limit: float, measured: float, unit: str) -> Row:
    """The measured value does not exceed a limit."""
    return _row(what, f"at most {limit:.4g} {unit}", f"{measured:.4g} {unit}", None, measured <= limit)


def at_least(what: str, limit: float, measured: float, unit: str) -> Row:
    """The measured value is not below a limit."""
    return _row(what, f"at least {limit:.4g} {unit}", f"{measured:.4g} {unit}", None, measured >= limit)


def same(what: str, expected: Any, measured: Any) -> Row:
    """The measured value is the expected one."""
    return _row(what, str(expected), str(measured), None, expected == measured)


def not_run(what: str, reason: str) -> Row:
    """The comparison could not be made."""
    return Row(what, "", reason, "", NOT_RUN)


def failed(what: str, reason: str) -> Row:
    """The check ended with an error."""
    return Row(what, "", reason, "", FAILS)


def exit_status(rows: Iterable[Row], may_skip: bool) -> int:
    """0 if all hold, or those that were run if some may be skipped; else 1."""
    allowed = (HOLDS, NOT_RUN) if may_skip else (HOLDS,)
    return 0 if all(row.verdict in allowed for row in rows) else 1


def _row(what: str, expected: str, measured: str, deviation: float | None, holds: bool) -> Row:
    return Row(what, expected, measured, "" if deviation is None else f"{deviation:+.1%}", HOLDS if holds else FAILS)
