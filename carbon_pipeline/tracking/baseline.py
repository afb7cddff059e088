"""The idle baseline: the power of this machine when idle, measured once and stored per host.

MLPerf Power measures for at least 60 s (arXiv 2410.12032); a shorter baseline is flagged.
"""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from carbon_pipeline.common.files import remove_stale_parts, write_text
from carbon_pipeline.model.record import TrackingMode
from carbon_pipeline.probes.cpu_seconds import cpu_seconds
from carbon_pipeline.probes.hardware import probe_hardware
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Meter, MeterError, Reading
from carbon_pipeline.tracking.metering import Metering

FOLDER = "baseline"

BUSY_DAYS = 1.0
"""How old the baseline of a busy machine may be before another one is measured, days: it may be idle then."""

BUSY_FROM = 0.1
"""Load of the host (0 to 1) above which the machine was not idle."""


class Baseline(BaseModel):
    """Energy of the idle machine, as read from the meter, without a PUE.

    Attributes:
        host: name of the machine.
        measured_at: end of the measurement, UTC.
        duration_s: length of the measurement, seconds.
        cpu_energy_kwh: energy of the CPUs, kWh.
        gpu_energy_kwh: energy of the GPUs, kWh.
        ram_energy_kwh: energy of the memory, kWh.
        methods: how CPU, GPU and RAM were measured; only runs measured by the same methods are comparable.
        load: busy share of all CPUs, 0 to 1; None if unknown.
        hardware: what the machine is made of, as text; None in baselines of earlier versions.
    """

    model_config = ConfigDict(frozen=True)

    host: str
    measured_at: AwareDatetime
    duration_s: float = Field(gt=0, allow_inf_nan=False)
    cpu_energy_kwh: float | None = Field(ge=0, allow_inf_nan=False)
    gpu_energy_kwh: float | None = Field(ge=0, allow_inf_nan=False)
    ram_energy_kwh: float | None = Field(ge=0, allow_inf_nan=False)
    methods: tuple[str, str, str]
    load: float | None = None
    hardware: str | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the machine was busy while it should have been idle."""
        return self.load is not None and self.load > BUSY_FROM

    @property
    def power_w(self) -> float:
        """Mean power, W (1 kWh = 3.6e6 J)."""
        return self.energy_kwh() * 3.6e6 / self.duration_s

    def energy_kwh(self, pue: float = 1.0) -> float:
        """Sum of the known components, kWh.

        Args:
            pue: power usage effectiveness that the sum is multiplied by, as in the energies of runs.
        """
        return pue * sum(e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None)

    def part_kwh(self, part: Literal["cpu", "gpu", "ram"], pue: float = 1.0) -> float | None:
        """Energy of one component, kWh; None if unknown.

        Args:
            part: the component.
            pue: power usage effectiveness that the energy is multiplied by.
        """
        energy_kwh: float | None = getattr(self, f"{part}_energy_kwh")
        return None if energy_kwh is None else pue * energy_kwh

    def fits(self, reading: Reading, tracking_mode: TrackingMode) -> bool:
        """Whether a run is comparable with this baseline: it measured the whole machine, by the same methods."""
        return tracking_mode is TrackingMode.machine and self.methods == _methods(reading)


def measure_baseline(
    settings: Settings,
    make_meter: Callable[[TrackingMode, float], Meter] = CodeCarbonMeter,
    wait: Callable[[float], None] = time.sleep,
) -> Baseline:
    """Measure the machine while this process waits, and store the result for later runs on this host.

    Args:
        settings: `baseline_s` is the duration in seconds, `data_dir` the data folder.
        make_meter: creates the meter from tracking mode and PUE.
        wait: waits for a number of seconds.

    Raises:
        MeterError: the meter failed.
        OSError: the data folder cannot be written.
    """
    metering = Metering(lambda: make_meter(TrackingMode.machine, 1.0), settings.sample_s, lambda reading: None)
    metering.prepare()
    before = cpu_seconds().host
    began = time.perf_counter()
    metering.start()
    wait(settings.baseline_s)
    ended = time.perf_counter()
    duration_s = ended - began
    reading = metering.stop(ended)
    if metering.error or reading.energy_kwh is None:
        raise MeterError(f"the idle baseline could not be measured: {metering.error or 'the meter reported no energy'}")
    baseline = Baseline(
        host=socket.gethostname(),
        measured_at=datetime.now(UTC),
        duration_s=duration_s,
        cpu_energy_kwh=reading.cpu_energy_kwh,
        gpu_energy_kwh=reading.gpu_energy_kwh,
        ram_energy_kwh=reading.ram_energy_kwh,
        methods=_methods(reading),
        load=_cpu_load(before, cpu_seconds().host, duration_s),
        hardware=_hardware(),
    )
    remove_stale_parts(settings.data_dir / FOLDER)
    write_text(_baseline_path(settings.data_dir), baseline.model_dump_json(indent=1) + "\n")
    return baseline


def find_baseline(data_dir: Path) -> Baseline | None:
    """Read the baseline of this host.

    Returns:
        The latest baseline; None if it is missing or cannot be read.
    """
    try:
        return Baseline.model_validate_json(_baseline_path(data_dir).read_bytes())
    except (OSError, ValidationError):
        return None


def fresh_baseline(
    settings: Settings, make_meter: Callable[[TrackingMode, float], Meter] = CodeCarbonMeter
) -> Baseline | None:
    """Find a baseline of this host that need not be measured again.

    Args:
        settings: `baseline_days` says how old it may be, `baseline_s` how short.
        make_meter: creates the meter from tracking mode and PUE.

    Returns:
        The baseline; None if there is none, or it is too old or too short, or hardware or methods have changed.
    """
    known = find_baseline(settings.data_dir)
    if known is None or known.duration_s < settings.baseline_s or known.hardware != _hardware():
        return None
    days = min(settings.baseline_days, BUSY_DAYS) if known.is_busy else settings.baseline_days
    if datetime.now(UTC) - known.measured_at > timedelta(days=days):
        return None
    metering = Metering(lambda: make_meter(TrackingMode.machine, 1.0), settings.sample_s, lambda reading: None)
    reading = metering.prepare()
    metering.stop(time.perf_counter())
    return known if known.fits(reading, TrackingMode.machine) else None


def _hardware() -> str:
    """What the machine is made of, as text."""
    found = probe_hardware()
    parts = (found.cpu_model, found.cpu_count, found.gpu_model, found.gpu_count, found.ram_gb)
    return ", ".join(f"{part.value:.0f}" if isinstance(part.value, float) else str(part.value) for part in parts)


def _baseline_path(data_dir: Path) -> Path:
    """Path of the baseline of this host; characters that may be invalid in a file name become underscores."""
    name = "".join(char if char.isalnum() or char in "-." else "_" for char in socket.gethostname())
    return data_dir / FOLDER / f"{name or 'host'}.json"


def _methods(reading: Reading) -> tuple[str, str, str]:
    return reading.cpu_method, reading.gpu_method, reading.ram_method


def _cpu_load(before: float | None, after: float | None, duration_s: float) -> float | None:
    import psutil

    count = psutil.cpu_count()
    if before is None or after is None or not count:
        return None
    return max(0.0, min(1.0, (after - before) / (duration_s * count)))
