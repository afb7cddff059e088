"""`track`: measures a block of work and lands its record.

All that is slow (probing hardware, location and carbon intensity) happens before the clock starts. Nothing that goes
wrong here reaches the work that is measured: it is logged, and the record says so.
"""

import json
import logging
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, Unpack

from carbon_pipeline.model.record import Origin, RunRecord, TrackingMode
from carbon_pipeline.probes.cloud import probe_cloud
from carbon_pipeline.probes.cpu_seconds import CpuSeconds, cpu_seconds
from carbon_pipeline.probes.hardware import Hardware, probe_hardware
from carbon_pipeline.probes.location import Location, probe_location
from carbon_pipeline.probes.operating_system import probe_operating_system
from carbon_pipeline.settings import Settings, TrackOptions, read_settings_leniently
from carbon_pipeline.tracking.baseline import find_baseline
from carbon_pipeline.tracking.electricity_maps import hour_of
from carbon_pipeline.tracking.intensity import CarbonIntensity, intensity_now, intensity_over
from carbon_pipeline.tracking.landing import land, write_heartbeat
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Meter, Reading
from carbon_pipeline.tracking.metering import Metering
from carbon_pipeline.tracking.run_record import Measured, Orchestration, Surroundings, Work, make_run_record
from carbon_pipeline.tracking.signals import GracefulSigterm

logger = logging.getLogger(__name__)

DEFAULT_NAME = "work"

T = TypeVar("T")


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
        name: what is tracked.
        experiment_id: experiment it belongs to.
        task: the fields of BoAmps' `task`, such as
            `{"taskStage": "training", "algorithms": [{"algorithmName": "randomForest"}]}`. They win over the file
            report_context.yaml.
        make_meter: makes the meter from tracking mode and PUE.
        **options: `project_name`, `country_iso_code`, `region`, `geolocation`, `carbon_intensity_g_per_kwh`, `pue`,
            `cloud_provider`, `cloud_region`, `tracking_mode`, `sample_s`, `heartbeat_s`, `data_dir`: settings, as
            docs/operating.md describes them. What is not given comes from the environment variables. A value that
            cannot be used is discarded and named in the record; the work goes on.

    Raises:
        TypeError: an option is unknown, such as a misspelt one.

    Returns:
        The run, to be used in a `with` statement. `run.record` is available afterwards, whatever happened.

    Example:
        >>> with track("fit", project_name="my project", country_iso_code="FRA") as run:
        ...     total = sum(range(1000))
        >>> run.record.country_name
        'France'
    """
    if unknown := options.keys() - TrackOptions.__annotations__.keys():
        raise TypeError(f"track() got an unexpected keyword argument {', '.join(map(repr, sorted(unknown)))}")
    given: dict[str, Any] = {**options, "project_name": _text(options.get("project_name")) or None}
    settings, problems = read_settings_leniently(**given)
    return TrackedRun(
        name, settings=settings, problems=problems, experiment_id=experiment_id, task=task, make_meter=make_meter
    )


class TrackedRun(AbstractContextManager["TrackedRun"]):
    """One measured block of work.

    Attributes:
        run_id: unique to this run.
        record: what was measured; None until the block has ended.
        landed_at: the file that holds the record; None if it could not be written.
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
        """Measure nothing yet.

        Args:
            name: what is tracked.
            settings: the settings in force.
            problems: which settings could not be used, in sentences.
            experiment_id: experiment the run belongs to.
            source: what tracks.
            orchestration: the step of an orchestrator, if it is one.
            task: fields of BoAmps' `task`, see `track`.
            probe_hardware: finds out what the machine is made of.
            probe_location: finds out where the machine is.
            make_meter: makes the meter from tracking mode and PUE.
        """
        self.run_id = str(uuid.uuid4())
        self.record: RunRecord | None = None
        self.landed_at: Path | None = None
        try:
            plain_task = _json(task)
        except (TypeError, ValueError) as error:
            plain_task = None
            problems = [*problems, f"task is discarded, since it cannot be written as JSON: {error}"]
        self._settings = settings
        sample_s = min(settings.sample_s, settings.heartbeat_s)  # a heartbeat contains a reading
        self._work = Work(
            run_id=self.run_id,
            name=_text(name) or DEFAULT_NAME,
            experiment_id=_text(experiment_id),
            source=source,
            orchestration=orchestration or Orchestration(),
            task=plain_task,
            settings=settings,
            settings_error="; ".join(problems) or None,
            sample_s=sample_s,
        )
        self._around = Surroundings()
        self._probe_hardware = probe_hardware
        self._probe_location = probe_location
        self._entered_by: int | None = None
        self._sigterm = GracefulSigterm()
        self._metering = Metering(lambda: make_meter(settings.tracking_mode, settings.pue), sample_s, self._note)
        self._kwh_by_hour: defaultdict[datetime, float] = defaultdict(float)
        self._kwh_so_far = 0.0

    def __enter__(self) -> "TrackedRun":
        if self._entered_by is not None:
            raise RuntimeError("a tracked run measures one block; call track() again for the next one")
        self._entered_by = os.getpid()
        try:
            return self._begin()
        except BaseException:  # Ctrl-C in the middle of it: nothing that was begun stays behind
            self._metering.stop(time.perf_counter())
            self._sigterm.__exit__(None, None, None)
            raise

    def _begin(self) -> "TrackedRun":
        if self._work.settings_error:
            logger.warning("tracking of %s goes on with defaults: %s", self._work.name, self._work.settings_error)
        self._around = self._look_around()
        methods = self._metering.prepare()
        self._note_the_start()
        self._write_heartbeat(methods, duration_s=0.0)
        self._note_the_start()
        self._metering.start()
        self._clock = time.perf_counter()  # again, since `start` took a moment
        self._sigterm.__enter__()
        return self

    def _look_around(self) -> Surroundings:
        settings, nothing = self._settings, Surroundings()
        location = _guarded("location", lambda: self._probe_location(settings), nothing.location)
        cloud = _guarded("cloud", lambda: probe_cloud(settings), nothing.cloud)
        return Surroundings(
            location=location,
            cloud=cloud,
            hardware=_guarded("hardware", self._probe_hardware, nothing.hardware),
            operating_system=_guarded("operating system", probe_operating_system, nothing.operating_system),
            baseline=_guarded("idle baseline", lambda: find_baseline(settings.data_dir), None),
            intensity=_guarded("carbon intensity", lambda: intensity_now(settings, location, cloud), None),
        )

    def _note_the_start(self) -> None:
        self._started_at = datetime.now(UTC)
        self._cpu_before = _guarded("CPU seconds", cpu_seconds, CpuSeconds())
        self._clock = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ended = time.perf_counter()
        duration_s = ended - self._clock
        if os.getpid() != self._entered_by:
            return  # a child that was forked inside the block: the run is its parent's
        self._sigterm.defer()
        try:
            self._finish(error, duration_s, ended)
        finally:
            self._sigterm.__exit__(None, None, None)

    def _finish(self, error: BaseException | None, duration_s: float, ended: float) -> None:
        reading = self._metering.stop(ended)
        cpu_after = _guarded("CPU seconds", cpu_seconds, CpuSeconds())
        self._note_energy(reading)
        try:
            self._around = replace(self._around, intensity=self._intensity_over_the_run())
            measured = Measured(
                self._started_at, duration_s, reading, self._cpu_before, cpu_after, has_ended=True, error=error
            )
            self.record = make_run_record(self._work, self._around, self._metering, measured)
            self.landed_at = land(self.record, self._settings.data_dir)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, the work has been done
            data_dir = self._settings.data_dir
            logger.error("the record of %s could not be kept in %s: %s", self._work.name, data_dir, trouble)

    def _note(self, reading: Reading) -> None:
        """Keep a reading: by the hour, and now and then on disk, where it is left if the process is killed."""
        self._note_energy(reading)
        if time.perf_counter() - self._last_heartbeat >= self._settings.heartbeat_s:
            self._write_heartbeat(reading, time.perf_counter() - self._clock)

    def _note_energy(self, reading: Reading) -> None:
        kwh = reading.energy_kwh or 0.0
        self._kwh_by_hour[hour_of(datetime.now(UTC))] += kwh - self._kwh_so_far
        self._kwh_so_far = kwh

    def _write_heartbeat(self, reading: Reading, duration_s: float) -> None:
        self._last_heartbeat = time.perf_counter()
        data_dir = self._settings.data_dir
        try:
            cpu_after = _guarded("CPU seconds", cpu_seconds, CpuSeconds())
            measured = Measured(self._started_at, duration_s, reading, self._cpu_before, cpu_after)
            write_heartbeat(make_run_record(self._work, self._around, self._metering, measured), data_dir)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work goes on
            logger.warning("the heartbeat of %s could not be kept in %s: %s", self._work.name, data_dir, error)

    def _intensity_over_the_run(self) -> CarbonIntensity | None:
        at_start, location = self._around.intensity, self._around.location
        if at_start is None:
            return None
        return _guarded(
            "carbon intensity", lambda: intensity_over(self._settings, location, at_start, self._kwh_by_hour), at_start
        )


def _guarded(what: str, probe: Callable[[], T], otherwise: T) -> T:
    try:
        return probe()
    except Exception:
        logger.exception("the %s could not be found out", what)
        return otherwise


def _text(value: object) -> str | None:
    """Whatever was given, as text that can be written anywhere."""
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode()


def _json(task: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A copy that can be written, unaffected by later changes of the original."""
    if task is None:
        return None
    text = json.dumps(dict(task), allow_nan=False, ensure_ascii=False, default=_plain)
    return json.loads(text.encode())  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} is no text, number, list or map")
