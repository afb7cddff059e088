"""Assembly of the record of a run from probed and measured values. Nothing is probed or measured here."""

import platform
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from carbon_pipeline.model.amounts import amount
from carbon_pipeline.model.flags import SHORT_RUN_S, SHORTEST_BASELINE_S
from carbon_pipeline.model.placement import Placement
from carbon_pipeline.model.quantities import J_PER_KWH, LONGEST_TEXT
from carbon_pipeline.model.record import EARLIEST, LATEST, Origin, RunRecord, Status
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline.model.wall_energy import WallEnergy
from carbon_pipeline.probes.cloud import Cloud
from carbon_pipeline.probes.hardware import Hardware
from carbon_pipeline.probes.host import Host
from carbon_pipeline.probes.location import Location
from carbon_pipeline.probes.operating_system import OperatingSystem
from carbon_pipeline.settings import Settings, encodable_text
from carbon_pipeline.tracking.baseline import Baseline
from carbon_pipeline.tracking.calibration import Calibrated, Way, line_for
from carbon_pipeline.tracking.intensity import CarbonIntensity
from carbon_pipeline.tracking.meter import Reading
from carbon_pipeline.tracking.metering import Metering
from carbon_pipeline.tracking.wall_meter import energy_of_file, name_of

DEFAULT_NAME = "work"

IMPOSSIBLE_WALL = 0.5
"""A wall meter that sees less than this multiple of the least energy by the model is that of something else."""

READ = (
    "cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh", "cpu_method", "gpu_method", "ram_method", "cpu_tdp_w",
    "cpu_tdp_source", "gpu_tracked_count", "gpu_ids", "cpu_gap_s", "gpu_gap_s",
)  # fmt: skip
"""What a record takes from a reading as it is."""

STAND_INS = {"name": DEFAULT_NAME, "project_name": Settings.model_fields["project_name"].default, "meter": "unknown"}
"""What replaces a value that no record can hold in a field that every record has."""


@dataclass(frozen=True)
class Orchestration:
    """The orchestrator's step that runs the work.

    Attributes:
        asset_key: asset, parts joined by '/'.
        dagster_run_id: Dagster's ID of the run.
        step_key: step of the Dagster run.
        partition_key: partition, if the asset is partitioned.
        retry_number: attempt, 0 for the first.
    """

    asset_key: str | None = None
    dagster_run_id: str | None = None
    step_key: str | None = None
    partition_key: str | None = None
    retry_number: int | None = None


@dataclass(frozen=True)
class Work:
    """The tracked work, and the options of its tracking.

    Attributes:
        run_id: ID of the run.
        name: name of the work.
        experiment_id: experiment that the run belongs to.
        source: origin of the record, such as `track` or `command`.
        orchestration: the step of the orchestrator, if any.
        task: fields of BoAmps' `task`.
        settings: the settings in force.
        settings_error: settings that could not be used, in sentences.
        sample_s: time between readings of the meter, seconds.
        outer_run_id: the run that this one is nested in.
    """

    run_id: str
    name: str
    experiment_id: str | None
    source: Origin
    orchestration: Orchestration
    task: dict[str, Any] | None
    settings: Settings
    settings_error: str | None
    sample_s: float
    outer_run_id: str | None = None


@dataclass(frozen=True)
class Surroundings:
    """Machine and location, as probed before the clock starts; the intensity is updated at the end."""

    location: Location = field(default_factory=Location)
    cloud: Cloud = field(default_factory=Cloud)
    hardware: Hardware = field(default_factory=Hardware)
    operating_system: OperatingSystem = field(default_factory=lambda: OperatingSystem(platform.system()))
    host: Host = field(default_factory=Host)
    baseline: Baseline | None = None
    intensity: CarbonIntensity | None = None
    machine_id: str | None = None
    placement: Placement | None = None
    calibrations: Sequence[Calibrated] = ()


@dataclass(frozen=True)
class AtTheWall:
    """What a wall meter said.

    Attributes:
        meter: name of the meter.
        energy: the energy, without a PUE; None if it is not known.
        energies_kwh: the energy until each sample of the run, kWh.
        error: what was wrong with the meter.
    """

    meter: str
    energy: WallEnergy | None
    energies_kwh: Sequence[float]
    error: str | None


@dataclass(frozen=True)
class Measured:
    """Values measured so far.

    Attributes:
        started_at: start of the work, UTC.
        duration_s: duration by a monotonic clock, seconds.
        reading: the energies.
        samples: the readings so far.
        phases: the phases that have ended.
        metrics: what the work has reported of itself.
        has_ended: whether the work has ended.
        error: the exception that ended the work, if any.
        wall: what a wall meter said, if there is one.
    """

    started_at: datetime
    duration_s: float
    reading: Reading
    samples: Samples | None = None
    phases: Sequence[Phase] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    has_ended: bool = False
    error: BaseException | None = None
    wall: AtTheWall | None = None


def make_run_record(work: Work, around: Surroundings, metering: Metering, measured: Measured) -> RunRecord:
    """Assemble the record of a run.

    Args:
        work: the tracked work.
        around: machine and location.
        metering: the meter, with its error and its number of samples.
        measured: the measured values.

    Returns:
        The record; `interrupted` if the work has not ended. What no record can hold, such as a name of a megabyte, is
        left out and named in its `settings_error`.
    """
    hardware, location, intensity, settings = around.hardware, around.location, around.intensity, work.settings
    gpu_count = hardware.gpu_count.value
    reading = _with_zero_gpu_energy(measured.reading, hardware)
    if gpu_count == 0 and reading.gpu_energy_kwh:
        gpu_count = None  # the meter found GPUs that NVML does not report, such as AMD's
    tracking_mode = reading.tracking_mode or settings.tracking_mode
    is_baseline_comparable = around.baseline is not None and around.baseline.fits(reading, tracking_mode)
    baseline = around.baseline if is_baseline_comparable else None
    samples, phases = _with_wall(measured.samples, measured.wall, settings.pue), list(measured.phases)
    if reading.gpu_energy_kwh == 0:
        phases = [phase.model_copy(update={"gpu_energy_kwh": 0.0}) for phase in phases]
    meter = metering.meter
    meter_name = getattr(meter, "name", "none")
    meter_version = getattr(meter, "version", None)
    fields = dict(
        run_id=work.run_id,
        name=work.name,
        project_name=settings.project_name,
        experiment_id=work.experiment_id,
        status=_status(measured.error, work.source) if measured.has_ended else "interrupted",
        error_type=_error_type(measured.error, work.source),
        source=work.source,
        flags=_flags(work, measured, reading, gpu_count, baseline, metering.error),
        started_at=measured.started_at,
        ended_at=measured.started_at + timedelta(seconds=measured.duration_s),
        duration_s=measured.duration_s,
        **{name: getattr(reading, name) for name in READ},
        sample_s=work.sample_s,
        sample_count=metering.sample_count,
        **_idle_fields(baseline, settings.pue),
        **_wall_fields(measured.wall, settings.pue),
        tracking_mode=tracking_mode,
        pue=settings.pue,
        meter=meter_name,
        meter_version=meter_version,
        meter_error=_message(metering.error),
        settings_error=_message(work.settings_error),
        meter_settings_ignored=_message(getattr(meter, "ignored_settings", None)),
        carbon_intensity_g_per_kwh=intensity.g_per_kwh if intensity else None,
        intensity_source=intensity.source if intensity else "unknown",
        intensity_year=intensity.year if intensity else None,
        intensity_note=_message(intensity.note) if intensity else None,
        **location.model_dump(exclude={"source", "reason"}),
        location_source=location.source,
        cloud_provider=around.cloud.provider.value,
        cloud_region=around.cloud.region.value,
        host=socket.gethostname(),
        **asdict(around.host),
        machine_id=around.machine_id,
        placement=around.placement,
        outer_run_id=work.outer_run_id,
        **{name: getattr(hardware, name).value for name in type(hardware).model_fields if name != "gpu_count"},
        gpu_count=gpu_count,
        process_cpu_s=_last(samples.process_cpu_s) if samples else None,
        host_cpu_s=_last(samples.host_cpu_s) if samples else None,
        **around.operating_system._asdict(),
        python_version=platform.python_version(),
        codecarbon_version=meter_version if meter_name == "codecarbon" else None,
        samples=samples,
        phases=phases,
        metrics=dict(measured.metrics),
        task=work.task,
        **asdict(work.orchestration),
    )
    record = _without_impossible_wall(_record_of(fields))
    return _calibrated(record, around.calibrations).with_intervals_of_phases()


def with_wall_log(record: RunRecord, log: Path) -> RunRecord:
    """The record of a run that has ended, with the energy of a wall meter that another program has logged.

    Args:
        record: the record.
        log: the log, see `energy_of_file`.

    Raises:
        WallMeterError: the log cannot be read, or has no reading of the run.
    """
    energy, readings = energy_of_file(log, record.started_at, record.duration_s)
    times = record.samples.at_s if record.samples else []
    error = "; ".join(readings.faults.values()) or None
    wall = AtTheWall(name_of("csv", str(log.absolute())), energy, readings.energies_at(times), error)
    flags = [flag for flag in record.flags if flag != "wall_meter_failed"]
    return _without_impossible_wall(
        record.model_copy(
            update={
                **_wall_fields(wall, record.pue),
                "samples": _with_wall(record.samples, wall, record.pue),
                "flags": [*flags, "wall_meter_failed"] if error else flags,
            }
        )
    )


def _without_impossible_wall(record: RunRecord) -> RunRecord:
    """The record without a wall meter's energy that is far below what its machine draws at least: of another socket."""
    model = record.model_interval
    if model is None or record.wall_high_kwh is None or record.wall_high_kwh >= IMPOSSIBLE_WALL * model.low_kwh:
        return record
    error = (
        f"the wall meter saw {amount(record.wall_energy_kwh, 'kWh')}, where this machine drew at least "
        f"{amount(model.low_kwh, 'kWh')}: is it plugged in there?"
    )
    return record.model_copy(
        update={
            **dict.fromkeys(("wall_energy_kwh", "wall_low_kwh", "wall_high_kwh", "wall_method")),
            "wall_error": "; ".join(filter(None, (record.wall_error, error))),
            "samples": record.samples and record.samples.model_copy(update={"wall_energy_kwh": None}),
            "flags": list(dict.fromkeys([*record.flags, "wall_meter_failed"])),
        }
    )


def _calibrated(record: RunRecord, lines: Sequence[Calibrated]) -> RunRecord:
    """The record with what the calibration of the machine predicts for it, or why it does not."""
    has_gap = bool(record.cpu_gap_s or record.gpu_gap_s)
    is_whole = record.energy_kwh is not None and "energy_missing" not in record.flags and not has_gap
    if not lines or not is_whole or record.tracking_mode != "machine" or not record.duration_s:
        return record
    line, note = line_for(Way.of(vars(record)), lines)
    meter_w = (record.energy_kwh or 0.0) / record.pue * J_PER_KWH / record.duration_s
    if line and not line.calibration.covers(meter_w, record.duration_s):
        calibrated = line.calibration
        note = (
            f"the calibration of this machine was not used: it is of {calibrated.least_w:.4g} to "
            f"{calibrated.most_w:.4g} W for {calibrated.least_s:.3g} s at least, the run of {meter_w:.4g} W for "
            f"{record.duration_s:.3g} s"
        )
    if line is None or note:
        return record.model_copy(update={"calibration_note": note}) if note else record
    kwh_per_w, model = record.pue * record.duration_s / J_PER_KWH, record.model_interval
    found = line.calibration.predict(meter_w)
    is_outside = model is not None and not model.low_kwh <= found.wall_w * kwh_per_w <= model.high_kwh
    if model and is_outside and (found.high_w - found.low_w) * kwh_per_w >= model.high_kwh - model.low_kwh:
        note = "the calibration of this machine was not used: its runs leave more open than the model does"
        return record.model_copy(update={"calibration_note": note})
    return record.model_copy(
        update={
            "calibrated_kwh": found.wall_w * kwh_per_w,
            "calibrated_low_kwh": found.low_w * kwh_per_w,
            "calibrated_high_kwh": found.high_w * kwh_per_w,
            "calibration_runs": line.calibration.runs,
            "calibration_first_at": line.calibration.first_at,
            "calibration_last_at": line.calibration.last_at,
        }
    )


def _record_of(fields: dict[str, Any]) -> RunRecord:
    """Make a record of what a record can hold: no value, whoever provided it, may cost the record of the work."""
    try:
        return RunRecord(**fields)
    except ValidationError as error:
        wrong = {str(part["loc"][0]): part["msg"].removeprefix("Value error, ") for part in error.errors()}
    sentences = [fields["settings_error"], *(f"{name} is not usable: {message}" for name, message in wrong.items())]
    return RunRecord(**{
        **fields,
        **{name: _stand_in(name, fields[name]) for name in wrong},
        "settings_error": _message("; ".join(filter(None, sentences))),
        "flags": list(dict.fromkeys([*fields["flags"], "settings_ignored"])),
    })  # fmt: skip


def _stand_in(name: str, value: Any) -> Any:
    if isinstance(value, datetime) and name in ("started_at", "ended_at"):  # a machine whose clock is not set
        return min(max(value, EARLIEST), LATEST)
    return STAND_INS.get(name) or RunRecord.model_fields[name].get_default(call_default_factory=True)


def _message(text: str | None) -> str | None:
    """A message, cut to the length that a record can hold."""
    text = encodable_text(text)
    return text if text is None or len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 4]} ..."


def _with_zero_gpu_energy(reading: Reading, hardware: Hardware) -> Reading:
    """Set the GPU energy to 0 kWh if the probe found no GPU; it stays None if the probe could not determine that."""
    is_without_gpu = hardware.gpu_count.value == 0 and hardware.gpu_count.source != "unknown"
    if _is_measured(reading) and is_without_gpu and reading.gpu_method == "none":
        return replace(reading, gpu_energy_kwh=0.0)
    return reading


def _flags(
    work: Work,
    measured: Measured,
    reading: Reading,
    gpu_count: int | None,
    baseline: Baseline | None,
    meter_error: str | None,
) -> list[str]:
    is_measured = _is_measured(reading)
    parts = (reading.cpu_energy_kwh, reading.gpu_energy_kwh, reading.ram_energy_kwh)
    tracked = reading.gpu_tracked_count
    lacks_gpus = bool(gpu_count) and tracked is not None and tracked < (gpu_count or 0)
    flags = {
        "short_run": measured.duration_s < SHORT_RUN_S,
        "meter_failed": meter_error is not None,
        "gpu_not_measured": is_measured and (reading.gpu_energy_kwh is None or lacks_gpus),
        "energy_missing": meter_error is None and not (is_measured and None not in parts),
        "unknown_cpu_model": reading.cpu_tdp_source not in (None, "table"),
        "settings_ignored": work.settings_error is not None,
        "short_baseline": baseline is not None and baseline.duration_s < SHORTEST_BASELINE_S,
        "busy_baseline": baseline is not None and baseline.is_busy,
        "wall_meter_failed": measured.wall is not None and measured.wall.error is not None,
    }
    return [*(flag for flag, applies in flags.items() if applies), *reading.flags]


def _is_measured(reading: Reading) -> bool:
    return reading.cpu_energy_kwh is not None or reading.ram_energy_kwh is not None


def _idle_fields(baseline: Baseline | None, pue: float) -> dict[str, Any]:
    if baseline is None:
        return {}
    return {
        "idle_energy_kwh": baseline.energy_kwh(pue),
        "idle_cpu_energy_kwh": baseline.part_kwh("cpu", pue),
        "idle_gpu_energy_kwh": baseline.part_kwh("gpu", pue),
        "idle_ram_energy_kwh": baseline.part_kwh("ram", pue),
        "idle_duration_s": baseline.duration_s,
        "idle_measured_at": baseline.measured_at,
    }


def _wall_fields(wall: AtTheWall | None, pue: float) -> dict[str, Any]:
    if wall is None:
        return {}
    found: dict[str, Any] = {"wall_meter": wall.meter, "wall_error": _message(wall.error)}
    if wall.energy:
        found |= {
            "wall_energy_kwh": pue * wall.energy.energy_kwh,
            "wall_low_kwh": pue * wall.energy.low_kwh,
            "wall_high_kwh": pue * wall.energy.high_kwh,
            "wall_method": f"{wall.meter.split()[0]}_{wall.energy.method}",
            "wall_gap_s": wall.energy.gap_s,
        }
    return found


def _with_wall(samples: Samples | None, wall: AtTheWall | None, pue: float) -> Samples | None:
    """The samples with the energy at the wall beside the energies that the meter saw."""
    if samples is None or wall is None or wall.energy is None:
        return samples
    column = [float(f"{pue * energy:.7g}") for energy in wall.energies_kwh]
    return samples.model_copy(update={"wall_energy_kwh": column})


def _status(error: BaseException | None, source: Origin) -> Status:
    if isinstance(error, GeneratorExit):
        # Whoever closes a generator of their own has what they wanted; Dagster does it where it cannot use what it got.
        return "failed" if source == "dagster" else "completed"
    if error is None:
        return "completed"
    if isinstance(error, SystemExit) and not error.code:
        return "completed"
    # An interrupt (Ctrl-C, SIGTERM as raised by Dagster) is not an Exception; a failure of the work is.
    return "failed" if isinstance(error, Exception) else "cancelled"


def _error_type(error: BaseException | None, source: Origin) -> str | None:
    return None if error is None or _status(error, source) == "completed" else type(error).__name__


def _last(column: list[float] | None) -> float | None:
    return column[-1] if column else None
