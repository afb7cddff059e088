"""The runs in progress, from their heartbeats: power now, energy so far, phases. Nothing is printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.errors import InputError
from carbon_pipeline.model.record import RunRecord, mean_power_w
from carbon_pipeline.model.samples import recent_powers_w
from carbon_pipeline.tracking.landing import RunInProgress, find_record, killed_runs, runs_in_progress

RECENT_S = 10.0
"""The power now is the mean over so many seconds before the last sample, or at least over the last two samples."""

PARTS = ("cpu", "gpu", "ram")

MOST_NAMED = 5
"""Runs that an error message names."""

ID_CHARACTERS = 8
"""So much of a run ID is nearly always unique."""


class CurrentPhase(NamedTuple):
    """The phase that a run is in, or the last one that it was in.

    Attributes:
        name: its name.
        is_open: whether the run was in it at the last heartbeat.
        finished: number of phases of this name that have ended.
    """

    name: str
    is_open: bool
    finished: int


class LiveRun:
    """A run in progress as of its last heartbeat.

    Attributes:
        record: its record so far.
        open_phases: the phases that it is in, the outermost first.
        host: name of the machine.
        pid: ID of the process.
        silent_s: time since the heartbeat, seconds.
        duration_s: time since the start of the work, seconds.
        powers_w: power of the parts that are measured over the last samples, W; keys `cpu`, `gpu`, `ram`.
    """

    def __init__(self, run: RunInProgress):
        """Derive what is shown from a heartbeat."""
        self.record: RunRecord = run.heartbeat.record
        self.open_phases: Sequence[str] = run.heartbeat.open_phases
        self.host, self.pid = run.heartbeat.host, run.heartbeat.pid
        self.silent_s = run.silent_s
        self.duration_s = self.record.duration_s + run.silent_s
        samples = self.record.samples
        self.powers_w = recent_powers_w(samples, RECENT_S) if samples else {}

    @property
    def power_w(self) -> float | None:
        """Power of all parts that are measured over the last samples, W."""
        return sum(self.powers_w.values()) if self.powers_w else None

    @property
    def phase(self) -> CurrentPhase | None:
        """The innermost phase that the run is in, else the last that it was in; None if it has had none."""
        phases = self.record.phases
        if not self.open_phases and not phases:
            return None
        name = (
            self.open_phases[-1]
            if self.open_phases
            else max(phases, key=lambda phase: phase.started_s + phase.duration_s).name
        )
        finished = sum(phase.count for phase in phases if phase.name == name)
        return CurrentPhase(name, bool(self.open_phases), finished)

    def as_json(self) -> dict[str, Any]:
        """What programs read of it; a value that is not known is None."""
        record = self.record
        mean_w = {part: mean_power_w(getattr(record, f"{part}_energy_kwh"), record.duration_s) for part in PARTS}
        return {
            **{name: getattr(record, name) for name in ("run_id", "name", "project_name", "asset_key", "source")},
            "host": self.host,
            "pid": self.pid,
            "started_at": record.started_at.isoformat(),
            "duration_s": round(self.duration_s, 3),
            "heartbeat_age_s": round(self.silent_s, 3),
            "power_w": self.power_w,
            **{f"{part}_power_w": self.powers_w.get(part) for part in PARTS},
            **{f"mean_{part}_power_w": mean_w[part] for part in PARTS},
            "energy_kwh": record.energy_kwh,
            **{f"{part}_energy_kwh": getattr(record, f"{part}_energy_kwh") for part in PARTS},
            "energy_low_kwh": record.energy_low_kwh,
            "energy_high_kwh": record.energy_high_kwh,
            "emissions_kg": record.emissions_kg,
            "open_phases": list(self.open_phases),
            "phases": [phase.model_dump(exclude_none=True) for phase in record.phases],
            "metrics": record.metrics,
        }


def live_runs(data_dir: Path) -> list[LiveRun]:
    """List the runs in progress, the one that started last first."""
    runs = map(LiveRun, runs_in_progress(data_dir))
    return sorted(runs, key=lambda run: run.record.started_at, reverse=True)


def choose_run(run_id: str, data_dir: Path) -> LiveRun | RunRecord:
    """Find the run that is to be watched.

    Args:
        run_id: ID of the run; of a run in progress, a unique prefix of it is enough.
        data_dir: the data folder.

    Returns:
        The run in progress; or its record, if it has ended.

    Raises:
        InputError: there is no such run, there are several, or its process was killed.
    """
    runs = live_runs(data_dir)
    found = [run for run in runs if run.record.run_id.startswith(run_id)]
    exact = [run for run in found if run.record.run_id == run_id]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise InputError(f"several runs in progress begin with {run_id!r}: {_named(found)}")
    if record := find_record(run_id, data_dir):
        return record
    if any(record.run_id.startswith(run_id) for record in killed_runs(data_dir)):
        raise InputError(f"the process of run {run_id!r} was killed; `carbon-pipeline load` keeps what it measured")
    others = f"in progress are {_named(runs)}" if runs else "nothing is being tracked"
    raise InputError(
        f"no run {run_id!r} is in progress in {data_dir.absolute()}: {others}; `carbon-pipeline report` lists runs "
        "that have ended"
    )


def _named(runs: Sequence[LiveRun]) -> str:
    names = [f"{run.record.run_id[:ID_CHARACTERS]} ({run.record.name})" for run in runs[:MOST_NAMED]]
    return ", ".join([*names, f"{len(runs) - MOST_NAMED} more"] if len(runs) > MOST_NAMED else names)
