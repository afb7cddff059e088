"""`track`: measurement of a block of work, and landing of its record.

Everything slow (probing hardware, location and carbon intensity) happens before the clock starts. Failures in here
never reach the measured work: they are logged and noted in the record.
"""

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, Unpack

from carbon_pipeline.model.quantities import LONGEST_TEXT
from carbon_pipeline.model.record import Origin, RunRecord, TrackingMode
from carbon_pipeline.model.samples import PARTS, Curve, Point
from carbon_pipeline.probes.cloud import probe_cloud
from carbon_pipeline.probes.cpu_seconds import CpuSeconds, cpu_seconds
from carbon_pipeline.probes.gpu_use import GpuUse, GpuUseCounter
from carbon_pipeline.probes.gpus import gpus_to_measure
from carbon_pipeline.probes.hardware import Hardware, probe_hardware
from carbon_pipeline.probes.host import probe_host
from carbon_pipeline.probes.location import Location, probe_location
from carbon_pipeline.probes.machine import machine_id
from carbon_pipeline.probes.operating_system import probe_operating_system
from carbon_pipeline.probes.placement import probe_placement
from carbon_pipeline.settings import Settings, TrackOptions, encodable_text, read_settings_leniently
from carbon_pipeline.tracking.baseline import find_baseline
from carbon_pipeline.tracking.calibration import find_calibrations
from carbon_pipeline.tracking.intensity import CarbonIntensity, intensity_now, intensity_over
from carbon_pipeline.tracking.landing import land, write_heartbeat
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Meter, Reading
from carbon_pipeline.tracking.metering import Metering
from carbon_pipeline.tracking.outbox import Sender, sender
from carbon_pipeline.tracking.phases import PhaseBlock, Phases
from carbon_pipeline.tracking.run_record import (
    DEFAULT_NAME,
    AtTheWall,
    Measured,
    Orchestration,
    Surroundings,
    Work,
    make_run_record,
)
from carbon_pipeline.tracking.signals import GracefulSigterm
from carbon_pipeline.tracking.wall_meter import (
    WallMeterError,
    WallMetering,
    energy_of_file,
    log_of,
    open_wall_meter,
    wall_meter_name,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_HEARTBEAT_S = 1.0
"""After how long the first heartbeat with a reading is written, if not earlier, seconds."""

LONG_GAP_S = 10.0
"""How long phases wait for a counter that could not be read before their energy counts as not known, seconds."""

_innermost: ContextVar["TrackedRun | None"] = ContextVar("carbon_pipeline_innermost_run", default=None)
"""The tracked run that this thread or task is in."""


def track(
    name: str,
    *,
    experiment_id: str | None = None,
    task: Mapping[str, Any] | None = None,
    make_meter: Callable[[TrackingMode, float], Meter] = CodeCarbonMeter,
    **options: Unpack[TrackOptions],
) -> "TrackedRun":
    """Measure the work in a `with` block.

    Args:
        name: name of the run.
        experiment_id: experiment that the run belongs to.
        task: the fields of BoAmps' `task`, such as
            `{"taskStage": "training", "algorithms": [{"algorithmName": "randomForest"}]}`. They take precedence over
            the file report_context.yaml.
        make_meter: creates the meter from tracking mode and PUE.
        **options: `project_name`, `country_iso_code`, `region`, `geolocation`, `carbon_intensity_g_per_kwh`, `pue`,
            `cloud_provider`, `cloud_region`, `tracking_mode`, `sample_s`, `heartbeat_s`, `wall_meter`, `data_dir`,
            `landing_url`: settings, as described in docs/operating.md. Options that are not passed are read from the
            environment variables. An invalid value is discarded and named in the record; the work continues.

    Raises:
        TypeError: an option is unknown, for example misspelt.

    Returns:
        The run, to be used in a `with` statement. `run.record` is available afterwards, even if the work failed.

    Example:
        >>> with track("fit", project_name="my project", country_iso_code="FRA") as run:
        ...     total = sum(range(1000))
        >>> run.record.country_name
        'France'
    """
    if unknown := options.keys() - TrackOptions.__annotations__.keys():
        raise TypeError(f"track() got an unexpected keyword argument {', '.join(map(repr, sorted(unknown)))}")
    settings, problems = read_settings_leniently(**options)
    return TrackedRun(
        name, settings=settings, problems=problems, experiment_id=experiment_id, task=task, make_meter=make_meter
    )


def describe(*, project_name: str | None = None, task: Mapping[str, Any] | None = None) -> None:
    """Say what is known of the innermost tracked run of this thread or task only while it works; outside one, nothing.

    Args:
        project_name: project that it belongs to.
        task: fields of BoAmps' `task`, as in `track`; those given before stay where these say nothing.

    Example:
        >>> with track("fit") as run:
        ...     describe(project_name="my project", task={"taskStage": "training"})
        >>> run.record.project_name
        'my project'
    """
    if run := _innermost.get():
        run.describe(project_name=project_name, task=task)


def phase(name: str) -> PhaseBlock:
    """Measure a part of the innermost tracked run of this thread or task on its own; outside one, do nothing.

    Args:
        name: name of the phase; those of one name belong together.

    Example:
        >>> with track("fit") as run:
        ...     for epoch in range(2):
        ...         with phase("epoch"):
        ...             total = sum(range(1000))
        >>> [phase.name for phase in run.record.phases]
        ['epoch', 'epoch']
    """
    run = _innermost.get()
    return run.phase(name) if run else PhaseBlock(None, name)


def current_run() -> "TrackedRun | None":
    """Get the innermost tracked run of this thread or task; None outside one, and in a process forked within one."""
    run = _innermost.get()
    return run if run and run.belongs_to_this_process else None


def metric(name: str, value: float) -> None:
    """Record a result of the innermost tracked run of this thread or task, such as its accuracy; the last value counts.

    Args:
        name: name of the metric.
        value: a number; what is none, or is not finite, is discarded and named in the record.
    """
    if run := _innermost.get():
        run.metric(name, value)


class TrackedRun(AbstractContextManager["TrackedRun"]):
    """One measured block of work.

    Attributes:
        run_id: unique to this run.
        record: the record of the run; None until the block has ended, and if nothing is measured (CARBON_TRACKING).
        landed_at: the file that contains the record; None if it could not be written.
        landing_error: why it could not be written.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        problems: Sequence[str] = (),
        experiment_id: str | None = None,
        source: Origin = "track",
        orchestration: Orchestration | None = None,
        task: Mapping[str, Any] | None = None,
        probe_hardware: Callable[[], Hardware] = probe_hardware,
        probe_location: Callable[[Settings], Location] = probe_location,
        make_meter: Callable[[TrackingMode, float], Meter] = CodeCarbonMeter,
    ):
        """Prepare a run; nothing is measured yet.

        Args:
            name: name of the run.
            settings: the settings in force.
            problems: settings that could not be used, one sentence each.
            experiment_id: experiment that the run belongs to.
            source: origin of the record, such as `track` or `command`.
            orchestration: the step of the orchestrator, if any.
            task: fields of BoAmps' `task`, as in `track`.
            probe_hardware: probes the hardware of the machine.
            probe_location: probes the location of the machine.
            make_meter: creates the meter from tracking mode and PUE.
        """
        self.run_id = str(uuid.uuid4())
        self.record: RunRecord | None = None
        self.landed_at: Path | None = None
        self.landing_error: str | None = None
        self._outer: TrackedRun | None = None
        self._settings = settings
        sample_s = min(settings.sample_s, settings.heartbeat_s)  # a heartbeat contains a reading
        self._work = Work(
            run_id=self.run_id,
            name=encodable_text(name) or DEFAULT_NAME,
            experiment_id=encodable_text(experiment_id),
            source=source,
            orchestration=orchestration or Orchestration(),
            task=None,
            settings=settings,
            settings_error="; ".join(problems) or None,
            sample_s=sample_s,
        )
        self._surroundings = Surroundings()
        self._probe_hardware = probe_hardware
        self._probe_location = probe_location
        self._pid: int | None = None
        self._sigterm = GracefulSigterm()
        self._metering = Metering(lambda: make_meter(settings.tracking_mode, settings.pue), sample_s, self._on_reading)
        self._gpu_use: GpuUseCounter | None = None
        self._wall: WallMetering | None = None
        self._heartbeat_due = 0.0
        self._curve = Curve()
        self._phases = Phases()
        self._warned: set[str] = set()
        self.describe(task=task)

    def describe(self, *, project_name: str | None = None, task: Mapping[str, Any] | None = None) -> None:
        """See `describe`, the function. What cannot be used is discarded and named in the record."""
        if project_name:
            settings, problems = read_settings_leniently(**self._settings.model_dump() | {"project_name": project_name})
            self._work = replace(self._work, settings=settings)
            self._note(problems)
        try:
            found = _json_copy(task)
        except Exception as error:  # noqa: BLE001 - the user's objects may raise anything, the work must go on
            self._note([f"task is discarded because it cannot be written as JSON: {error}"])
            return
        if found:
            self._work = replace(self._work, task={**(self._work.task or {}), **found})

    def phase(self, name: str) -> PhaseBlock:
        """Measure a part of this run on its own, from any thread. See `phase`, the function."""
        return PhaseBlock(self._phases, name)

    def metric(self, name: str, value: float) -> None:
        """Record a result of this run, from any thread. See `metric`, the function."""
        if (problem := self._phases.metric(name, value)) and problem not in self._warned:
            self._warned.add(problem)
            logger.warning("%s: %s", self._work.name, problem)

    @property
    def belongs_to_this_process(self) -> bool:
        """Whether the block was entered in this process, and not in one that it was forked from."""
        return self._pid == os.getpid()

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """Be the innermost run of a task that goes on with its work, such as each step of an asynchronous generator."""
        before = _innermost.get()
        _innermost.set(self)
        try:
            yield
        finally:
            _innermost.set(before)

    def _note(self, problems: Sequence[str]) -> None:
        known = self._work.settings_error or ""
        new = [problem for problem in problems if problem not in known]
        if new and len(known) < LONGEST_TEXT:
            self._work = replace(self._work, settings_error="; ".join([known, *new] if known else new))

    def __enter__(self) -> "TrackedRun":
        if self._pid is not None:
            raise RuntimeError("a tracked run measures one block; call track() again for the next one")
        self._pid = os.getpid()
        if self._settings.tracking == "off":
            return self
        self._outer = _innermost.get()
        if self._outer and self._outer._pid == self._pid:  # else this process was forked within that run
            self._work = replace(self._work, outer_run_id=self._outer.run_id)
        try:
            self._begin()
        except BaseException:  # such as Ctrl-C during the start: undo what was started
            if self._wall:
                self._wall.let_end()
            self._metering.stop(time.perf_counter())
            self._sigterm.__exit__(None, None, None)
            raise
        _innermost.set(self)
        return self

    def _begin(self) -> None:
        if self._work.settings_error:
            logger.warning("tracking of %s continues with defaults: %s", self._work.name, self._work.settings_error)
        _probe_or_default("outbox", self._sender, None)  # sends what a killed process has left
        if meter := _probe_or_default("wall meter", lambda: open_wall_meter(self._settings), None):
            self._wall = WallMetering(meter, self._work.sample_s)
            self._wall.prepare()
        self._surroundings = self._probe_surroundings()
        methods = self._metering.prepare()
        if methods.gpu_method.startswith("nvml"):
            self._gpu_use = _probe_or_default("use of the GPUs", lambda: GpuUseCounter(gpus_to_measure()), None)
        self._set_start()
        self._write_heartbeat(methods, duration_s=0.0)
        self._set_start()
        self._metering.start()
        self._set_clocks()  # again, since `start` took some time
        self._sigterm.__enter__()

    def _probe_surroundings(self) -> Surroundings:
        settings, defaults = self._settings, Surroundings()
        location = _probe_or_default("location", lambda: self._probe_location(settings), defaults.location)
        cloud = _probe_or_default("cloud", lambda: probe_cloud(settings), defaults.cloud)
        hardware = _probe_or_default("hardware", self._probe_hardware, defaults.hardware)
        machine = _probe_or_default(
            "machine", lambda: machine_id(hardware.cpu_model.value, hardware.ram_gb.value, settings.host_id), None
        )
        return Surroundings(
            location=location,
            cloud=cloud,
            hardware=hardware,
            machine_id=machine,
            calibrations=_probe_or_default("calibration", lambda: find_calibrations(machine, settings.data_dir), []),
            operating_system=_probe_or_default("operating system", probe_operating_system, defaults.operating_system),
            host=_probe_or_default("host", lambda: probe_host(settings.host_id), defaults.host),
            placement=_probe_or_default("placement", probe_placement, None),
            baseline=_probe_or_default("idle baseline", lambda: find_baseline(settings.data_dir), None),
            intensity=_probe_or_default("carbon intensity", lambda: intensity_now(settings, location, cloud), None),
        )

    def _set_start(self) -> None:
        self._cpu_before = self._cpu_last = _probe_or_default("CPU seconds", cpu_seconds, CpuSeconds())
        self._set_clocks()

    def _set_clocks(self) -> None:
        """Begin now, by both clocks: overlapping runs are compared by one of them, and the curve goes by the other."""
        self._started_at = datetime.now(UTC)
        self._clock = time.perf_counter()
        self._phases.start(self._clock)
        if self._wall:
            self._wall.start(self._clock)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ended = time.perf_counter()
        if os.getpid() != self._pid or self._settings.tracking == "off":
            return  # in a child process forked inside the block, the run belongs to its parent
        duration_s = ended - self._clock
        if _innermost.get() is self:
            _innermost.set(self._outer)
        self._sigterm.defer()
        try:
            self._finish(error, duration_s, ended)
        finally:
            self._sigterm.__exit__(None, None, None)

    def _finish(self, error: BaseException | None, duration_s: float, ended: float) -> None:
        if self._wall:
            self._wall.let_end(ended)
        reading = self._metering.stop(ended)
        try:
            self._add_sample(duration_s, reading, is_last=True)
            self._surroundings = replace(self._surroundings, intensity=self._intensity_over_the_run())
            measured = replace(
                self._measured(reading, duration_s),
                has_ended=True,
                error=error,
                wall=_probe_or_default("energy at the wall", lambda: self._wall_of_run(duration_s, ended), None),
            )
            self.record = make_run_record(self._work, self._surroundings, self._metering, measured)
            if self.record.settings_error != self._work.settings_error:
                logger.warning("the record of %s lacks a value: %s", self._work.name, self.record.settings_error)
            self.landed_at = land(self.record, self._settings.data_dir, self._settings.landing_url)
            if (own := self._sender()) and self._work.source == "dagster":
                own.flush()  # an executor may end the process of a step without a word
        except Exception as failure:  # noqa: BLE001 - the work is done, so no failure here may raise
            data_dir = self._settings.data_dir
            self.landing_error = f"the record of {self._work.name} could not be written to {data_dir}: {failure}"
            logger.error(self.landing_error)

    def _sender(self) -> Sender | None:
        """What sends records to the store that the settings name."""
        url = self._settings.landing_url
        return sender(self._settings.data_dir, url) if url else None

    def _on_reading(self, reading: Reading) -> None:
        """Add a reading to the curve, and write a heartbeat if due, which remains if the process is killed."""
        at_s = (reading.at or time.perf_counter()) - self._clock
        self._add_sample(at_s, reading)
        if time.perf_counter() >= self._heartbeat_due:
            self._write_heartbeat(reading, at_s)

    def _add_sample(self, at_s: float, reading: Reading, *, is_last: bool = False) -> None:
        cpu = _probe_or_default("CPU seconds", cpu_seconds, CpuSeconds())
        gpu = self._gpu_use.read(cpu.pids) if self._gpu_use and cpu.pids else GpuUse()
        cpu_kwh, gpu_kwh, ram_kwh = (
            None if part[:3] in reading.unknown and not is_last else getattr(reading, part) for part in PARTS
        )
        process_cpu_s, host_cpu_s = self._cpu_seconds_at(at_s, cpu)
        point = Point(
            at_s,
            cpu_kwh,
            gpu_kwh,
            ram_kwh,
            process_cpu_s,
            host_cpu_s,
            gpu.gpu_s,
            gpu.gpu_memory_gb_s,
        )
        self._curve.add(point)
        if is_last or not 0 < reading.unknown_s < LONG_GAP_S:  # else the next reading will know more
            self._phases.add(point, is_last=is_last)

    def _cpu_seconds_at(self, at_s: float, cpu: CpuSeconds) -> tuple[float | None, float | None]:
        """CPU seconds of process and host since the start, at a time before they were read: they grew evenly since."""
        last, self._cpu_last = self._cpu_last, cpu
        share = 1.0
        if last.at is not None and cpu.at is not None and cpu.at > last.at:
            share = min(max((self._clock + at_s - last.at) / (cpu.at - last.at), 0.0), 1.0)
        found = []
        for name in ("process_tree", "host"):
            now = _difference(getattr(self._cpu_before, name), getattr(cpu, name))
            before = _difference(getattr(self._cpu_before, name), getattr(last, name))
            found.append(now if now is None or before is None else before + share * max(now - before, 0.0))
        return found[0], found[1]

    def _measured(self, reading: Reading, duration_s: float) -> Measured:
        samples, phases = self._curve.samples(), self._phases.finished()
        return Measured(self._started_at, duration_s, reading, samples, phases, self._phases.metrics)

    def _wall_of_run(self, duration_s: float, ended: float | None = None) -> AtTheWall | None:
        """What the wall meter says of the run; without an end, of the run so far."""
        name, samples = wall_meter_name(self._settings), self._curve.samples()
        if name is None or samples is None:
            return None
        if self._wall:
            if ended is None:
                energy, energies = self._wall.so_far(duration_s, samples.at_s)
            else:
                energy, energies = self._wall.result(ended), self._wall.energies_at(samples.at_s)
            return AtTheWall(name, energy, energies, self._wall.error)
        if ended is None:  # a log is read afterwards
            return None
        try:
            energy, log = energy_of_file(log_of(self._settings), self._started_at, duration_s)
        except WallMeterError as error:
            return AtTheWall(name, None, [], str(error))
        return AtTheWall(name, energy, log.energies_at(samples.at_s), "; ".join(log.faults.values()) or None)

    def _write_heartbeat(self, reading: Reading, duration_s: float) -> None:
        # The first one with a reading comes soon: somebody may be watching, and most runs are short.
        after_s = self._settings.heartbeat_s if duration_s else min(FIRST_HEARTBEAT_S, self._settings.heartbeat_s)
        self._heartbeat_due = time.perf_counter() + after_s
        data_dir = self._settings.data_dir
        try:
            wall = _probe_or_default("energy at the wall", lambda: self._wall_of_run(duration_s), None)
            measured = replace(self._measured(reading, duration_s), wall=wall)
            record = make_run_record(self._work, self._surroundings, self._metering, measured)
            write_heartbeat(record, data_dir, self._phases.open_names())
        except Exception as error:  # noqa: BLE001 - the work continues, whatever fails here
            logger.warning("the heartbeat of %s could not be written to %s: %s", self._work.name, data_dir, error)

    def _intensity_over_the_run(self) -> CarbonIntensity | None:
        at_start, location = self._surroundings.intensity, self._surroundings.location
        if at_start is None:
            return None
        return _probe_or_default(
            "carbon intensity",
            lambda: intensity_over(self._settings, location, at_start, self._started_at, self._curve.samples()),
            at_start,
        )


def _probe_or_default(what: str, probe: Callable[[], T], otherwise: T) -> T:
    try:
        return probe()
    except Exception:
        logger.exception("the %s could not be determined", what)
        return otherwise


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(after - before, 0.0)


def _json_copy(task: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Copy a task as plain JSON values, so that later changes of the original have no effect."""
    if task is None:
        return None
    text = json.dumps(dict(task), allow_nan=False, ensure_ascii=False, default=_python_number)
    return json.loads(text.encode())  # type: ignore[no-any-return]


def _python_number(value: Any) -> Any:
    """Convert a NumPy number to a Python number."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} is not a string, number, list or mapping")
