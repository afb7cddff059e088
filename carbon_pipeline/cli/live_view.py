"""How runs in progress are shown: the table of all of them, one in detail, and plain lines. Nothing is read here."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from carbon_pipeline.cli.terminal import can_show, counted, safe_text
from carbon_pipeline.model.amounts import amount, clock, interval
from carbon_pipeline.model.phase_report import sparkline
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.model.record import RunRecord, TrackingMode, mean_power_w
from carbon_pipeline.model.samples import Phase, power_curve_w
from carbon_pipeline.model.summary import summary
from carbon_pipeline.tracking.live import ID_CHARACTERS, PARTS, CurrentPhase, LiveRun

ROOMY = 110
"""From this width on, project and name have columns of their own, characters."""

NUMBERS = ("time", "power", "energy", "heartbeat")
"""Columns of the table of runs that contain numbers."""

OTHER_LINES = 9
"""Lines of a terminal that the table of runs leaves to headings, notes and what was printed before."""

MOST_PHASES = 10
"""Phases that the view of one run lists, the last ones."""

MOST_METRICS = 8
"""Metrics that the view of one run shows, the last ones."""

BARS = (" ▁▂▃▄▅▆▇█", " .:-=+*#@")
"""Heights of the sparkline from 0 to the most; the second where the terminal has only ASCII."""

UNKNOWN = "-"


def runs_table(runs: Sequence[LiveRun], console: Console) -> RenderableType:
    """All runs in progress as a table that fits the console."""
    is_roomy = console.width >= ROOMY
    most = max((console.height - OTHER_LINES) // (1 if is_roomy else 2), 1) if console.is_terminal else len(runs)
    table = _table("run", "name", *(["project"] if is_roomy else []), "time", "power", "energy", "phase", "heartbeat")
    _column(table, "run").no_wrap = True
    for header in NUMBERS:
        _right(table, header)  # never cut; the others share what is left
    for run in runs[:most]:
        record = run.record
        phase = _phase_texts(run.phase)
        name, project = _cut(_name(record)), _cut(record.project_name, style="dim")
        table.add_row(
            safe_text(record.run_id[:ID_CHARACTERS]),
            *([name, project] if is_roomy else [Group(name, project)]),
            clock(run.duration_s),
            _watts(run.power_w),
            _watt_hours(record.energy_kwh),
            _cut(", ".join(phase)) if is_roomy else Group(*map(_cut, phase)),
            f"{clock(run.silent_s)} ago",
        )
    title = f"{counted(len(runs), 'run')} in progress" if runs else "nothing is being tracked"
    lines: list[RenderableType] = [Text(title, style="bold"), table]
    if len(runs) > most:
        lines.append(Text(f"and {len(runs) - most:,} more that started before"))
    if _share_a_machine(runs):
        lines.append(
            Text(
                "Runs on the same machine each see the whole machine; a load attributes its energy to them.",
                style="dim",
            )
        )
    return Group(*lines)


def run_view(run: LiveRun, console: Console) -> RenderableType:
    """One run in progress in detail."""
    record = run.record
    lines: list[RenderableType] = [
        Text(safe_text(f"{_name(record)}, project {record.project_name}, run {record.run_id}"), style="bold"),
        Text(
            safe_text(
                f"{clock(run.duration_s)} since {record.started_at.astimezone():%Y-%m-%d %H:%M:%S}, process {run.pid} "
                f"on {run.host}; heartbeat {clock(run.silent_s)} ago"
            )
        ),
        _parts_table(run),
    ]
    if record.emissions_kg is not None:
        lines.append(Text(_so_far(record)))
    lines += _curve(record, console.width)
    if record.metrics:
        shown = list(record.metrics.items())[-MOST_METRICS:]
        lines.append(Text(safe_text("metrics: " + ", ".join(f"{name} {value:.4g}" for name, value in shown))))
    if record.flags:
        lines.append(Text(safe_text(f"flags: {', '.join(record.flags)}")))
    return Group(*lines, *_phases(run))


def run_line(run: LiveRun, *, parts: bool = False) -> str:
    """One run in progress as a line.

    Args:
        run: the run.
        parts: whether the power of each part is shown too.
    """
    record = run.record
    text = f"{datetime.now():%H:%M:%S} {record.run_id[:ID_CHARACTERS]} {_name(record)} ({record.project_name}): "
    text += f"{clock(run.duration_s)}, {_watts(run.power_w)}, {_watt_hours(record.energy_kwh)}"
    if parts and run.powers_w:
        text += f" ({', '.join(f'{part.upper()} {_watts(power_w)}' for part, power_w in run.powers_w.items())})"
    if phase := run.phase:
        text += f"; {', '.join(_phase_texts(phase))}"
    return safe_text(f"{text}; heartbeat {clock(run.silent_s)} ago")


def ended_line(run: LiveRun, record: RunRecord | None) -> str:
    """What became of a run that is no longer in progress.

    Args:
        run: the run when it was last seen.
        record: its record; None if none has landed.
    """
    text = f"run {run.record.run_id[:ID_CHARACTERS]} {_name(run.record)}"
    if record is None:
        return safe_text(
            f"{text} ended without a record, as when its process is killed; `carbon-pipeline load` keeps what it "
            "measured until its last heartbeat"
        )
    return safe_text(f"{text}: {record.status}; {summary(record)}")


def record_line(record: RunRecord) -> str:
    """The outcome of a run that has ended."""
    return safe_text(f"{record.status}; {summary(record)}; run {record.run_id}")


def _parts_table(run: LiveRun) -> Table:
    record = run.record
    table = _table("", "power now", "mean", "energy", "method")
    for header in ("power now", "mean", "energy"):
        _right(table, header)
    for part in PARTS:
        energy_kwh, method = getattr(record, f"{part}_energy_kwh"), getattr(record, f"{part}_method")
        if part == "gpu" and not energy_kwh and method == "none":
            if record.gpu_count == 0:
                continue
            method = "not measured"
        mean_w = mean_power_w(energy_kwh, record.duration_s)
        now_w = run.powers_w.get(part)
        table.add_row(part.upper(), _watts(now_w), _watts(mean_w), _watt_hours(energy_kwh), safe_text(method))
    mean_w = mean_power_w(record.energy_kwh, record.duration_s)
    table.add_row("all", _watts(run.power_w), _watts(mean_w), _watt_hours(record.energy_kwh), "", style="bold")
    return table


def _so_far(record: RunRecord) -> str:
    text = f"so far {amount(record.emissions_kg, 'kg CO2eq')}"
    if record.energy_low_kwh is not None and record.energy_high_kwh is not None:
        text += f"; at the wall {interval(record.energy_low_kwh, record.energy_high_kwh, 'kWh', record.energy_kwh)}"
    return text


def _curve(record: RunRecord, width: int) -> list[RenderableType]:
    """The power over the run as a sparkline from 0 W up, so that its heights are proportional."""
    powers_w = power_curve_w(record.samples, width) if record.samples else []
    if len(powers_w) < 2 or not max(powers_w):
        return []
    bars = next((bars for bars in BARS if can_show(bars)), BARS[-1])
    top_w = max(powers_w)
    scale = f"power over {clock(record.duration_s)}, {amount(min(powers_w), 'W')} to {amount(top_w, 'W')}"
    return [
        Text(""),
        Text(sparkline(powers_w, bars), style="green", no_wrap=True, overflow="crop"),
        Text(scale, style="dim"),
    ]


def _phases(run: LiveRun) -> list[RenderableType]:
    phases = run.record.phases
    if not phases and not run.open_phases:
        return []
    ended = sum(phase.count for phase in phases)
    title = f"{counted(ended, 'phase')} ended"
    if run.open_phases:
        title += f", now in {' > '.join(run.open_phases)}"
    lines: list[RenderableType] = [Text(""), Text(safe_text(title))]
    if phases:
        table = _table("phase", "after", "duration", "energy", "power")
        for header in ("after", "duration", "energy", "power"):
            _right(table, header)
        last = sorted(phases, key=lambda phase: phase.started_s + phase.duration_s)[-MOST_PHASES:]
        for phase in sorted(last, key=lambda phase: phase.started_s):
            table.add_row(*_phase_row(phase))
        lines.append(table)
    return lines


def _phase_row(phase: Phase) -> tuple[Text, str, str, str, str]:
    energy_kwh = phase.energy_kwh
    power_w = energy_kwh * J_PER_KWH / phase.duration_s if energy_kwh is not None and phase.duration_s else None
    name = phase.name if phase.count == 1 else f"{phase.name} ({phase.count:,})"
    duration = amount(phase.duration_s, "s")
    return _cut("  " * phase.depth + name), clock(phase.started_s), duration, _watt_hours(energy_kwh), _watts(power_w)


def _phase_texts(phase: CurrentPhase | None) -> list[str]:
    """Such as `epoch` and `3 done` within the fourth epoch, and `after epoch` and `4 done` behind it."""
    if phase is None:
        return []
    return [phase.name if phase.is_open else f"after {phase.name}", f"{phase.finished:,} done"]


def _name(record: RunRecord) -> str:
    return record.name if record.asset_key in (None, record.name) else f"{record.name} ({record.asset_key})"


def _share_a_machine(runs: Sequence[LiveRun]) -> bool:
    hosts = sorted(run.record.host_id or run.host for run in runs if run.record.tracking_mode is TrackingMode.machine)
    return any(len(list(group)) > 1 for _, group in groupby(hosts))


def _table(*headers: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for header in headers:
        table.add_column(header)
    return table


def _column(table: Table, header: str) -> Column:
    return next(column for column in table.columns if column.header == header)


def _right(table: Table, header: str) -> None:
    column = _column(table, header)
    column.justify, column.no_wrap = "right", True


def _cut(text: str, style: str = "") -> Text:
    """Text from outside on one line, with an ellipsis where it does not fit."""
    return Text(safe_text(text), style=style, no_wrap=True, overflow="ellipsis")


def _watts(power_w: float | None) -> str:
    return UNKNOWN if power_w is None else amount(power_w, "W")


def _watt_hours(energy_kwh: float | None) -> str:
    return UNKNOWN if energy_kwh is None else amount(energy_kwh, "kWh")
