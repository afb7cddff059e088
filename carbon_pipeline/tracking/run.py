"""`track`: measures a block of work and lands its record.

All that is slow (looking at hardware, location and carbon intensity) happens before the clock starts. Nothing that
goes wrong here reaches the work that is measured: it is logged, and the record says so.
"""

import json
import logging
import os
import platform
import socket
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from carbon_pipeline.probes.cloud import Cloud, probe_cloud
from carbon_pipeline.probes.cpu_seconds import CpuSeconds, cpu_seconds
from carbon_pipeline.probes.hardware import Hardware, probe_hardware
from carbon_pipeline.probes.location import Location, probe_location
from carbon_pipeline.probes.operating_system import OperatingSystem, probe_operating_system
from carbon_pipeline.settings import Settings, read_settings_leniently
from carbon_pipeline.tracking.baseline import find_baseline
from carbon_pipeline.tracking.cancellation import SigtermEndsTheWork
from carbon_pipeline.tracking.electricity_maps import hour_of
from carbon_pipeline.tracking.intensity import CarbonIntensity, intensity_now, intensity_over
from carbon_pipeline.tracking.landing import beat, land
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Meter, Reading, TrackingMode
from carbon_pipeline.tracking.metering import Metering
from carbon_pipeline.tracking.record import SHORT_RUN_S, SHORTEST_BASELINE_S, Origin, RunRecord, Status

logger = logging.getLogger(__name__)

DEFAULT_NAME = "work"


@dataclass(frozen=True)
class Orchestration:
    """Which step of an orchestrator the work is.

    Attributes:
        asset_key: asset, parts joined by '/'.
        dagster_run_id: Dagster's id of the run.
        step_key: step of the run.
        partition_key: partition, if the asset has any.
        retry_number: attempt, 0 for the first.
    """

    asset_key: str | None = None
    dagster_run_id: str | None = None
    step_key: str | None = None
    partition_key: str | None = None
    retry_number: int | None = None


def track(
    name: str,
    *,
    project_name: str | None = None,
    experiment_id: str | None = None,
    country_iso_code: str | None = None,
    region: str | None = None,
    geolocation: bool | None = None,
    carbon_intensity_g_per_kwh: float | None = None,
    pue: float | None = None,
    cloud_provider: str | None = None,
    cloud_region: str | None = None,
    tracking_mode: TrackingMode = "machine",
    sample_s: float | None = None,
    heartbeat_s: float | None = None,
    data_dir: str | Path | None = None,
    task: Mapping[str, Any] | None = None,
    make_meter: Callable[[TrackingMode, float], Meter] = CodeCarbonMeter,
) -> "TrackedRun":
    """Measures the work in a `with` block.

    What is not given comes from the environment variables (see `carbon_pipeline.settings`). A value that makes no
    sense is left out and named in the record; the work goes on.

    Args:
        name: what is tracked.
        project_name: project it belongs to; default CARBON_PROJECT_NAME, else `carbon_pipeline`.
        experiment_id: experiment it belongs to.
        country_iso_code: where the machine stands, two or three letters; no look-up is made then.
        region: region within the country.
        geolocation: whether ip-api.com may be asked where the machine stands.
        carbon_intensity_g_per_kwh: of the electricity, gCO2eq/kWh, if you know it.
        pue: power usage effectiveness, at least 1.
        cloud_provider: cloud on which the machine runs.
        cloud_region: the provider's name of its region.
        tracking_mode: `machine` measures the whole machine, `process` this process and its children.
        sample_s: how often the meter is read, seconds.
        heartbeat_s: how often the record so far is put on disk, seconds.
        data_dir: folder under which the record lands.
        task: what a report is to say of the work: the fields of BoAmps' `task`, such as
            `{"taskStage": "training", "algorithms": [{"algorithmName": "randomForest"}]}`. It wins over the file
            report_context.yaml.
        make_meter: makes the meter from tracking mode and PUE.

    Returns:
        The run, to be used in a `with` statement. `run.record` is there afterwards, whatever happened.

    Example:
        >>> with track("fit", project_name="my project", country_iso_code="FRA") as run:
        ...     fit()
        >>> run.record.energy_kwh
    """
    settings, problems = read_settings_leniently(
        country_iso_code=country_iso_code,
        region=region,
        geolocation=geolocation,
        intensity_g_per_kwh=carbon_intensity_g_per_kwh,
        pue=pue,
        cloud_provider=cloud_provider,
        cloud_region=cloud_region,
        sample_s=sample_s,
        heartbeat_s=heartbeat_s,
        data_dir=data_dir,
    )
    return TrackedRun(
        name,
        settings=settings,
        problems=problems,
        project_name=project_name,
        experiment_id=experiment_id,
        tracking_mode=tracking_mode,
        task=task,
        make_meter=make_meter,
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
        project_name: str | None = None,
        experiment_id: str | None = None,
        tracking_mode: TrackingMode = "machine",
        source: Origin = "track",
        orchestration: Orchestration | None = None,
        task: Mapping[str, Any] | None = None,
        probe_hardware: Callable[[], Hardware] = probe_hardware,
        probe_location: Callable[[Settings], Location] = probe_location,
        make_meter: Callable[[TrackingMode, float], Meter] = CodeCarbonMeter,
    ):
        """Measures nothing yet.

        Args:
            name: what is tracked.
            settings: the settings in force.
            problems: which settings could not be used, in sentences.
            project_name: project the run belongs to; default that of the settings.
            experiment_id: experiment the run belongs to.
            tracking_mode: `machine` or `process`.
            source: what tracks.
            orchestration: the step of an orchestrator, if it is one.
            task: what a report is to say of the work, see `track`.
            probe_hardware: finds out what the machine is made of.
            probe_location: finds out where the machine stands.
            make_meter: makes the meter from tracking mode and PUE.
        """
        self.run_id = str(uuid.uuid4())
        self.record: RunRecord | None = None
        self.landed_at: Path | None = None
        if tracking_mode not in ("machine", "process"):
            problems = [*problems, f"tracking_mode={tracking_mode!r} is neither machine nor process: machine is taken"]
            tracking_mode = "machine"
        try:
            self._task = _json(task)
        except (TypeError, ValueError) as error:
            self._task = None
            problems = [*problems, f"task is left out, since it cannot be written as JSON: {error}"]
        self._name = _text(name) or DEFAULT_NAME
        self._settings = settings
        self._settings_error = "; ".join(problems) or None
        self._project_name = _text(project_name) or settings.project_name
        self._experiment_id = _text(experiment_id)
        self._entered_by: int | None = None
        self._sigterm = SigtermEndsTheWork()
        self._tracking_mode = tracking_mode
        self._source: Origin = source
        self._orchestration = orchestration or Orchestration()
        self._probe_hardware = probe_hardware
        self._probe_location = probe_location
        self._sample_s = min(settings.sample_s, settings.heartbeat_s)  # a heartbeat carries a reading
        self._metering = Metering(lambda: make_meter(tracking_mode, settings.pue), self._sample_s, self._note)
        self._kwh_by_hour: defaultdict[datetime, float] = defaultdict(float)
        self._kwh_so_far = 0.0

    def __enter__(self) -> "TrackedRun":
        if self._entered_by is not None:
            raise RuntimeError("a tracked run measures one block; call track() again for the next one")
        self._entered_by = os.getpid()
        try:
            return self._begin()
        except BaseException:  # Ctrl-C in the middle of it: nothing of ours stays behind
            self._metering.stop(time.perf_counter())
            self._sigterm.__exit__(None, None, None)
            raise

    def _begin(self) -> "TrackedRun":
        if self._settings_error:
            logger.warning("tracking of %s goes on with defaults: %s", self._name, self._settings_error)
        self._location = _guarded("location", lambda: self._probe_location(self._settings), Location())
        self._cloud = _guarded("cloud", lambda: probe_cloud(self._settings), Cloud())
        self._operating_system = _guarded(
            "operating system", probe_operating_system, OperatingSystem(platform.system())
        )
        self._hardware = _guarded("hardware", self._probe_hardware, Hardware())
        self._intensity = _guarded("carbon intensity", self._find_intensity, None)
        self._baseline = _guarded("idle baseline", lambda: find_baseline(self._settings.data_dir), None)
        methods = self._metering.prepare()
        self._note_the_start()
        self._beat(methods, duration_s=0.0)
        self._note_the_start()
        self._metering.start()
        self._clock = time.perf_counter()  # once more: `start` took a moment
        self._sigterm.__enter__()
        return self

    def _note_the_start(self) -> None:
        self._started_at = datetime.now(UTC)
        self._cpu_s_before = _guarded("CPU seconds", cpu_seconds, CpuSeconds())
        self._clock = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        ended = time.perf_counter()
        duration_s = ended - self._clock
        if os.getpid() != self._entered_by:
            return  # a child that was forked inside the block: the run is its parent's
        self._sigterm.wait()
        try:
            self._finish(error, duration_s, ended)
        finally:
            self._sigterm.__exit__(None, None, None)

    def _finish(self, error: BaseException | None, duration_s: float, ended: float) -> None:
        reading = self._metering.stop(ended)
        cpu_s = _guarded("CPU seconds", cpu_seconds, CpuSeconds())
        self._note_energy(reading)
        try:
            self._intensity = self._find_intensity_over_the_run()
            self.record = self._make_record(_status(error), duration_s, reading, cpu_s)
            self.landed_at = land(self.record, self._settings.data_dir)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, the work has been done
            logger.error("the record of %s could not be kept in %s: %s", self._name, self._settings.data_dir, trouble)

    def _note(self, reading: Reading) -> None:
        """Keeps what is measured: by the hour, and now and then on disk, where it is left if the process is killed."""
        self._note_energy(reading)
        if time.perf_counter() - self._last_beat >= self._settings.heartbeat_s:
            self._beat(reading, time.perf_counter() - self._clock)

    def _note_energy(self, reading: Reading) -> None:
        kwh = reading.energy_kwh or 0.0
        self._kwh_by_hour[hour_of(datetime.now(UTC))] += kwh - self._kwh_so_far
        self._kwh_so_far = kwh

    def _beat(self, reading: Reading, duration_s: float) -> None:
        self._last_beat = time.perf_counter()
        try:
            cpu_s = _guarded("CPU seconds", cpu_seconds, CpuSeconds())
            beat(self._make_record("interrupted", duration_s, reading, cpu_s), self._settings.data_dir)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work goes on
            logger.warning(
                "the heartbeat of %s could not be kept in %s: %s", self._name, self._settings.data_dir, error
            )

    def _find_intensity(self) -> CarbonIntensity | None:
        return intensity_now(self._settings, self._location, self._cloud)

    def _find_intensity_over_the_run(self) -> CarbonIntensity | None:
        at_start = self._intensity
        if at_start is None:
            return None
        return _guarded(
            "carbon intensity",
            lambda: intensity_over(self._settings, self._location, at_start, self._kwh_by_hour),
            at_start,
        )

    def _make_record(self, status: Status, duration_s: float, reading: Reading, cpu_s_after: CpuSeconds) -> RunRecord:
        hardware, location, intensity = self._hardware, self._location, self._intensity
        gpu_count = hardware.gpu_count.value
        measured = reading.cpu_energy_kwh is not None or reading.ram_energy_kwh is not None
        # A real zero: somebody looked and there is no GPU. Where nobody could look, nothing is known.
        without_gpu = gpu_count == 0 and hardware.gpu_count.source != "unknown" and reading.gpu_method == "none"
        if measured and without_gpu:
            reading = replace(reading, gpu_energy_kwh=0.0)
        if gpu_count == 0 and reading.gpu_energy_kwh:
            gpu_count = None  # the meter sees GPUs that NVML does not, such as AMD's
        baseline = self._baseline if self._baseline and self._baseline.fits(reading, self._tracking_mode) else None
        meter = self._metering.meter
        is_codecarbon = getattr(meter, "name", None) == "codecarbon"
        flags = {
            "short_run": duration_s < SHORT_RUN_S,
            "meter_failed": self._metering.error is not None,
            "gpu_not_measured": measured
            and (reading.gpu_energy_kwh is None or _some_gpus_are_missing(gpu_count, reading)),
            "energy_missing": self._metering.error is None and not (measured and _all_parts(reading)),
            "unknown_cpu_model": reading.cpu_tdp_source not in (None, "table"),
            "settings_ignored": self._settings_error is not None,
            "short_baseline": baseline is not None and baseline.duration_s < SHORTEST_BASELINE_S,
            "busy_baseline": baseline is not None and baseline.is_busy,
        }
        return RunRecord(
            run_id=self.run_id,
            name=self._name,
            project_name=self._project_name,
            experiment_id=self._experiment_id,
            status=status,
            source=self._source,
            flags=[flag for flag, holds in flags.items() if holds],
            started_at=self._started_at,
            ended_at=self._started_at + timedelta(seconds=duration_s),
            duration_s=duration_s,
            cpu_energy_kwh=reading.cpu_energy_kwh,
            gpu_energy_kwh=reading.gpu_energy_kwh,
            ram_energy_kwh=reading.ram_energy_kwh,
            cpu_method=reading.cpu_method,
            gpu_method=reading.gpu_method,
            ram_method=reading.ram_method,
            cpu_tdp_w=reading.cpu_tdp_w,
            cpu_tdp_source=reading.cpu_tdp_source,
            gpu_tracked_count=reading.gpu_tracked_count,
            sample_s=self._sample_s,
            sample_count=self._metering.sample_count,
            idle_energy_kwh=baseline.energy_kwh(self._settings.pue) if baseline else None,
            idle_cpu_energy_kwh=baseline.part_kwh("cpu", self._settings.pue) if baseline else None,
            idle_gpu_energy_kwh=baseline.part_kwh("gpu", self._settings.pue) if baseline else None,
            idle_ram_energy_kwh=baseline.part_kwh("ram", self._settings.pue) if baseline else None,
            idle_duration_s=baseline.duration_s if baseline else None,
            idle_measured_at=baseline.measured_at if baseline else None,
            tracking_mode=self._tracking_mode,
            pue=self._settings.pue,
            meter=getattr(meter, "name", "none"),
            meter_version=getattr(meter, "version", None),
            meter_error=self._metering.error,
            settings_error=self._settings_error,
            meter_settings_ignored=getattr(meter, "ignored_settings", None),
            carbon_intensity_g_per_kwh=intensity.g_per_kwh if intensity else None,
            intensity_source=intensity.source if intensity else "unknown",
            intensity_year=intensity.year if intensity else None,
            intensity_note=intensity.note if intensity else None,
            country_iso_code=location.country_iso_code,
            country_name=location.country_name,
            region=location.region,
            latitude=location.latitude,
            longitude=location.longitude,
            location_source=location.source,
            cloud_provider=self._cloud.provider.value,
            cloud_region=self._cloud.region.value,
            host=socket.gethostname(),
            cpu_model=hardware.cpu_model.value,
            cpu_count=hardware.cpu_count.value,
            cpu_physical_count=hardware.cpu_physical_count.value,
            gpu_model=hardware.gpu_model.value,
            gpu_count=gpu_count,
            gpu_memory_gb=hardware.gpu_memory_gb.value,
            gpu_driver=hardware.gpu_driver.value,
            ram_gb=hardware.ram_gb.value,
            machine_kind=hardware.machine_kind.value,
            process_cpu_s=_difference(self._cpu_s_before.process_tree, cpu_s_after.process_tree),
            host_cpu_s=_difference(self._cpu_s_before.host, cpu_s_after.host),
            **self._operating_system._asdict(),
            python_version=platform.python_version(),
            codecarbon_version=getattr(meter, "version", None) if is_codecarbon else None,
            task=self._task,
            **vars(self._orchestration),
        )


T = TypeVar("T")


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
    """A copy that can be written; what is changed in the original later on is not meant."""
    if task is None:
        return None
    text = json.dumps(dict(task), allow_nan=False, ensure_ascii=False, default=_plain)
    return json.loads(text.encode())  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} is no text, number, list or map")


def _all_parts(reading: Reading) -> bool:
    return None not in (reading.cpu_energy_kwh, reading.gpu_energy_kwh, reading.ram_energy_kwh)


def _status(error: BaseException | None) -> Status:
    if error is None or isinstance(error, GeneratorExit):
        return "completed"
    if isinstance(error, SystemExit) and not error.code:
        return "completed"
    # An interrupt (Ctrl-C, SIGTERM as Dagster raises it) is no Exception; a failure of the work is.
    return "failed" if isinstance(error, Exception) else "cancelled"


def _some_gpus_are_missing(gpu_count: int | None, reading: Reading) -> bool:
    return bool(gpu_count) and reading.gpu_tracked_count is not None and reading.gpu_tracked_count < (gpu_count or 0)


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(after - before, 0.0)
