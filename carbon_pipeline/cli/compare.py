"""The command `compare`: two groups of runs as a table, a picture and sentences. The tests: model/comparison.py."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from carbon_pipeline.cli.progress import working
from carbon_pipeline.cli.terminal import can_show, make_console, print_json, safe_text
from carbon_pipeline.cli.warehouse import open_loaded_warehouse
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.amounts import amount, number
from carbon_pipeline.model.comparison import (
    CONFIDENCE,
    Comparison,
    Difference,
    Run,
    energy_kwh,
    geometric_mean,
    scatter,
)
from carbon_pipeline.model.comparison import compare as compare_runs
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.warehouse.groups import By, find_groups

if TYPE_CHECKING:
    from carbon_pipeline.warehouse.groups import Group

MARKS = ("·•●▲", ".oO^")
"""One run, a few, many, and the mean; the second where the terminal has only ASCII."""

MANY = 5
"""Runs in one place of the picture that are many."""

NUMBERS = 70
"""Characters that the numbers of the table take at most; the names are cut to the rest."""

HIGHEST_RATIO = 10_000
"""A ratio beyond this, or below its inverse, is written as that."""

LONGEST_LINE = 100
"""Sentences are no wider than this many characters."""

Name = Annotated[str, typer.Argument(help="A project, an asset, a run ID, or a period such as 2026-11 or 2026-W48.")]


def compare(
    a: Name,
    b: Name,
    by: Annotated[By | None, typer.Option(help="What A and B are, if the names fit several kinds.")] = None,
    project: Annotated[str | None, typer.Option(help="Only runs of this project, for periods.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Compare the energy of two groups of runs, and show whether they differ by more than chance."""
    if a == b:
        raise InputError(f"A and B are both {a!r}: name two groups of runs")
    with working("reading the runs"):
        groups = find_groups(open_loaded_warehouse(), (a, b), by, project)
    found = compare_runs(*(group.runs for group in groups))
    notes = _different_work(groups)
    if as_json:
        print_json(_as_json(groups, found, notes))
    else:
        _print(groups, found, notes, make_console())


def _as_json(groups: "Sequence[Group]", found: Comparison, notes: Sequence[str]) -> dict[str, Any]:
    energy = found.energy
    return {
        "a": groups[0].name,
        "b": groups[1].name,
        "by": groups[0].by,
        "runs_a": len(found.runs_a),
        "runs_b": len(found.runs_b),
        "energy_kwh_a": _mean(found.runs_a, "energy_kwh"),
        "energy_kwh_b": _mean(found.runs_b, "energy_kwh"),
        "ratio": energy and energy.ratio,
        "ratio_low": energy and energy.low,
        "ratio_high": energy and energy.high,
        "confidence": CONFIDENCE,
        "p_value": energy and energy.p_value,
        "effect_size": energy and energy.deviations,
        "duration_ratio": found.duration and found.duration.ratio,
        "power_ratio": found.power and found.power.ratio,
        "verdict": found.verdict,
        "reasons": [*found.reasons, *notes],
    }


def _mean(runs: Sequence[Run], column: str) -> float | None:
    return geometric_mean([run[column] for run in runs]) if runs else None


def _different_work(groups: "Sequence[Group]") -> list[str]:
    """Periods may hold anything: what differs between them may be the work."""
    if groups[0].by is not By.period or not all(group.runs for group in groups):
        return []
    works = [Counter((*run["projects"], *run["names"]) for run in group.runs).keys() for group in groups]
    return [] if works[0] == works[1] else ["the periods have runs of different work; --project narrows them down"]


def _print(groups: "Sequence[Group]", found: Comparison, notes: Sequence[str], console: Console) -> None:
    console.print(_table(groups, found, console.width))
    if found.energy:
        for line in _picture(found, console.width):
            console.print(line, no_wrap=True, overflow="crop")
        console.print()
    for sentence in [*_sentences(found), *found.reasons, *notes]:
        text = safe_text(f"{sentence[:1].upper()}{sentence[1:]}.")
        console.print(Text(text), width=min(console.width, LONGEST_LINE))


def _table(groups: "Sequence[Group]", found: Comparison, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column(groups[0].by, no_wrap=True, overflow="ellipsis", max_width=max(width - NUMBERS, 8))
    for header in ("runs", "mean energy", "scatter", "mean time", "power"):
        table.add_column(header, justify="right", no_wrap=True)
    for label, group, runs in zip("AB", groups, (found.runs_a, found.runs_b), strict=True):
        cells = _cells(runs) if runs else ["-"] * 4
        table.add_row(label, Text(safe_text(group.name)), f"{len(runs):,}", *cells)
    if found.energy and found.duration and found.power:
        ratios = (_ratio(found.energy.ratio), "", _ratio(found.duration.ratio), _ratio(found.power.ratio))
        table.add_row("B / A", "", "", *ratios, style="bold")
    return table


def _cells(runs: Sequence[Run]) -> list[str]:
    energies = [energy_kwh(run) for run in runs]
    mean_kwh, noise = geometric_mean(energies), scatter(energies)
    mean_s = geometric_mean([run["duration_s"] for run in runs])
    power_w = mean_kwh * J_PER_KWH / mean_s
    return [
        amount(mean_kwh, "kWh"),
        "-" if noise is None else f"{noise:.1%}",
        amount(mean_s, "s"),
        amount(power_w, "W"),
    ]


def _ratio(ratio: float) -> str:
    """Three digits, such as 1.00; of a huge or tiny ratio only that it is one."""
    if ratio > HIGHEST_RATIO:
        return f"more than {HIGHEST_RATIO:,}"
    if ratio < 1 / HIGHEST_RATIO:
        return f"less than {1 / HIGHEST_RATIO:g}"
    return f"{ratio:#.3g}".removesuffix(".") if ratio < 1000 else number(ratio)


def _picture(found: Comparison, width: int) -> list[str]:
    """Both groups on one axis, which is logarithmic as the test is: a dot for each run, and the mean below."""
    groups = [[energy_kwh(run) for run in runs] for runs in (found.runs_a, found.runs_b)]
    low, high = min(map(min, groups)), max(map(max, groups))
    marks = next((marks for marks in MARKS if can_show(marks)), MARKS[-1])
    span, last = math.log(high / low) or 1.0, width - 3

    def place(value: float) -> int:
        return round(math.log(value / low) / span * last) if high > low else last // 2

    lines = []
    for label, values in zip("AB", groups, strict=True):
        counts = Counter(map(place, values))
        dots = "".join(_mark(counts[column], marks) for column in range(last + 1))
        mean = geometric_mean(values)
        at, text = place(mean), amount(mean, "kWh")
        is_right = at + len(text) + 2 <= last
        shown = f"{' ' * at}{marks[3]} {text}" if is_right else f"{text} {marks[3]}".rjust(at + 1)
        lines += [f"{label} {dots}", f"  {shown}"]
    left, right = amount(low, "kWh"), amount(high, "kWh")
    rule = "─" if can_show("─") else "-"
    lines += [f"  {left} {rule * (last - len(left) - len(right) - 1)} {right}"]
    return [safe_text(line.rstrip()) for line in lines]


def _mark(count: int, marks: str) -> str:
    return " " if not count else marks[(count > 1) + (count >= MANY)]


def _sentences(found: Comparison) -> list[str]:
    energy, parts = found.energy, (found.duration, found.power)
    if energy is None:
        return ["not comparable"]
    lines = [_verdict(found, energy)]
    if energy.deviations is not None:
        lines[0] += f"; effect size {number(abs(energy.deviations), 2)} standard deviations"
        time, power = (f"{_ratio(part.ratio)} ({_interval(part)})" for part in parts if part)
        lines.append(f"it is the product of a ratio of times, {time}, and one of powers, {power}")
    if found.verdict == "not comparable":
        lines.append("the difference may be that of hardware or meters, whose errors do not cancel; see below")
    elif energy.p_value is not None and found.is_alike:
        lines.append(
            "the interval is statistical; the systematic error of the meter cancels, as hardware and method are equal"
        )
    elif energy.p_value is not None:
        lines.append("the interval is statistical; whether the systematic error of the meter cancels is not known")
    lines.append("means are geometric")
    return lines


def _verdict(found: Comparison, energy: Difference) -> str:
    runs = {"more": "B uses more energy than A", "less": "B uses less energy than A"}
    verdict = runs.get(found.verdict, found.verdict)
    if energy.p_value is None:
        verdict = found.verdict if found.verdict == "not comparable" else "not tested"
        return f"{verdict}: B used {_ratio(energy.ratio)} times the energy of A"
    text = f"{verdict}: {_ratio(energy.ratio)} times the energy of A"
    p_value = "< 0.0001" if energy.p_value < 1e-4 else f"= {energy.p_value:.1g}"
    return f"{text} ({CONFIDENCE:.0%} interval {_interval(energy)}, p {p_value})"


def _interval(found: Difference) -> str:
    return "" if found.low is None or found.high is None else f"{_ratio(found.low)} to {_ratio(found.high)}"
