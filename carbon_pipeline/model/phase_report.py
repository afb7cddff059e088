"""The phases of a run for people: a small table, and a picture of its power with the phases below it."""

from collections import defaultdict
from html import escape
from itertools import pairwise
from typing import Any

from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Phase, PhaseSum, sum_of

MOST_ROWS = 12
"""Names of phases in the table."""

COLORS = ("#2e7d32", "#1565c0", "#ef6c00", "#6a1b9a", "#00838f", "#c62828")
WIDTH, HEIGHT, LEFT, BAND = 560, 150, 46, 12


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


def power_picture(record: RunRecord) -> str | None:
    """A picture of the power over time, with the phases as bands below, as SVG that is readable on dark and light.

    Args:
        record: the record of the run.

    Returns:
        The SVG; None if the record has no curve.
    """
    samples = record.samples
    if samples is None or record.duration_s <= 0:
        return None
    columns = (samples.cpu_energy_kwh, samples.gpu_energy_kwh, samples.ram_energy_kwh)
    totals = [sum(values) for values in zip(*(column for column in columns if column), strict=True)]
    readings = list(pairwise(zip(samples.at_s, totals, strict=False)))
    powers = [
        (began, ended, (e1 - e0) * J_PER_KWH / (ended - began))
        for (began, e0), (ended, e1) in readings
        if ended > began
    ]
    if not powers:
        return None
    top = max(power for _, _, power in powers) * 1.1 or 1.0
    lanes = _lanes(record.phases)
    bottom = HEIGHT - 24 - BAND * len(lanes)

    def x(at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * min(at_s / record.duration_s, 1.0)

    points = [(x(at), bottom - (bottom - 14) * power / top) for began, ended, power in powers for at in (began, ended)]
    line = " ".join(f"{left:.1f},{height:.1f}" for left, height in points)
    names = list(dict.fromkeys(phase.name for phase in record.phases))
    bands = [
        f'<rect x="{x(phase.started_s):.1f}" y="{bottom + 4 + BAND * number}" '
        f'width="{max(x(phase.started_s + phase.duration_s) - x(phase.started_s) - 0.5, 0.5):.1f}" height="{BAND - 3}" '
        f'fill="{COLORS[names.index(phase.name) % len(COLORS)]}"><title>{_svg_text(phase.name)}</title></rect>'
        for number, lane in enumerate(lanes)
        for phase in lane
    ]
    legend = " ".join(
        f'<tspan fill="{COLORS[number]}">■ {_svg_text(name[:20])}</tspan>'
        for number, name in enumerate(names[: len(COLORS)])
    )
    text = 'font-family="sans-serif" font-size="11" fill="#808080"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img">'
        f'<polyline points="{line}" fill="none" stroke="#2e7d32" stroke-width="1.5"/>'
        f'<path d="M{LEFT} 10V{bottom}H{WIDTH - 8}" fill="none" stroke="#808080"/>{"".join(bands)}'
        f'<text x="{LEFT - 4}" y="18" text-anchor="end" {text}>{amount(top / 1.1, "W")}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}" {text}>0 s</text>'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle" {text}>{legend}</text>'
        f'<text x="{WIDTH - 8}" y="{HEIGHT - 6}" text-anchor="end" {text}>{amount(record.duration_s, "s")}</text></svg>'
    )


def _svg_text(name: str) -> str:
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name))


def _lanes(phases: list[Phase]) -> list[list[Phase]]:
    """The phases in rows in which none overlaps with another: those that contain others first; at most four rows."""
    ends: list[float] = []
    lanes: defaultdict[int, list[Phase]] = defaultdict(list)
    for phase in sorted(phases, key=lambda phase: (phase.started_s, -phase.duration_s)):
        if phase.count > 1:
            continue
        lane = next((number for number, end in enumerate(ends) if end <= phase.started_s), len(ends))
        if lane >= 4:
            continue
        ends[lane:] = [phase.started_s + phase.duration_s, *ends[lane + 1 :]]
        lanes[lane].append(phase)
    return [lanes[number] for number in sorted(lanes)]
