"""The course of a run for people: its phases as a small table, its power as a line of text."""

from collections.abc import Sequence
from typing import Any

from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Phase, PhaseSum, power_curve_w, sum_of

MOST_ROWS = 12
"""Names of phases in the table."""

POINTS = 32
"""Characters of the line."""


def phase_rows(record: RunRecord) -> list[dict[str, Any]]:
    """The phases as the rows of a table, those of one name together; the ones that used the most energy where many."""
    by_name: dict[str, PhaseSum] = {}
    for phase in record.phases:
        if phase.name in by_name:
            by_name[phase.name].add(sum_of(phase))
        else:
            by_name[phase.name] = sum_of(phase)
    phases = [one.phase() for one in by_name.values()]
    if len(phases) > MOST_ROWS:
        phases = sorted(phases, key=lambda phase: -(phase.energy_kwh or 0.0))[:MOST_ROWS]
    return [_row(phase) for phase in phases]


def _row(phase: Phase) -> dict[str, Any]:
    energy_kwh = phase.energy_kwh
    row = {"phase": phase.name, "number": phase.count, "duration": amount(phase.duration_s, "s")}
    if energy_kwh is None:
        return {**row, "energy": None, "each": None, "power": None}
    least_kwh, most_kwh = phase.least_kwh or 0.0, phase.most_kwh or 0.0
    return {
        **row,
        "energy": amount(energy_kwh, "kWh"),
        "each": interval(least_kwh, most_kwh, "kWh") if phase.count > 1 else None,
        "power": amount(energy_kwh * J_PER_KWH / phase.duration_s, "W") if phase.duration_s > 0 else None,
    }


def power_line(record: RunRecord) -> str | None:
    """The power of a run over its time as a line of text, from 0 W up, with its range.

    Args:
        record: the record of the run.

    Returns:
        Such as `▂▂▇█▇▂ 4.1 to 38 W`; None if the record has no curve, or one without energy.
    """
    powers_w = power_curve_w(record.samples, POINTS) if record.samples else []
    if not powers_w or not max(powers_w):
        return None
    return f"{sparkline(powers_w)} {interval(min(powers_w), max(powers_w), 'W')}"


def sparkline(values: Sequence[float], heights: str = " ▁▂▃▄▅▆▇█") -> str:
    """Values as characters that are as high as the values are.

    Args:
        values: the values; none is below 0, and one is above.
        heights: characters from that of 0 to that of the largest value.
    """
    largest, steps = max(values), len(heights) - 1
    return "".join(heights[int(value / largest * steps + 0.5)] for value in values)
