"""The meter, which reads the energy. CodeCarbon is behind a small interface, so that tests can use a fake and users
another meter.

This is the only module that uses CodeCarbon's tracker, and the only one that reads private attributes of it
(`_hardware` and its contents), since the record that CodeCarbon publishes contains neither the method of each number
nor the time span that its energies cover.
`carbon_pipeline_tests/integration/test_meter.py` fails if an upgrade removes one of these attributes.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

from carbon_pipeline.errors import UserError
from carbon_pipeline.model.record import TrackingMode
from carbon_pipeline.probes.gpus import gpus_to_measure
from carbon_pipeline.probes.hardware import cpu_model


class MeterError(UserError):
    """The meter could not measure; the message gives the reason."""


@dataclass(frozen=True)
class Reading:
    """What a meter measured since its start. Energies include the PUE of the meter.

    Attributes:
        cpu_energy_kwh: energy of the CPUs, kWh; None if not measured.
        gpu_energy_kwh: energy of the GPUs, kWh; None if not measured.
        ram_energy_kwh: energy of the memory, kWh; None if not measured.
        cpu_method: `rapl`, `emi`, `power_gadget`, `powermetrics`, `pmic` (counters and sensors), `cpu_load` (modelled
            from load and TDP), `constant` (half the TDP), `none`.
        gpu_method: `nvml_counter`, `nvml_sampled`, `amdsmi`, `powermetrics`, `none`.
        ram_method: `estimated` (from the size of the memory), `constant`, `pmic`, `none`.
        cpu_tdp_w: thermal design power of all CPUs that `cpu_load` and `constant` assume, W.
        cpu_tdp_source: where that TDP comes from: `table` (of this CPU model), or one of CodeCarbon's default
            assumptions: `4_w_per_thread`, `85_w`; None if no TDP is used.
        gpu_tracked_count: number of GPUs whose energy is in the reading; None if the meter does not report it.
    """

    cpu_energy_kwh: float | None = None
    gpu_energy_kwh: float | None = None
    ram_energy_kwh: float | None = None
    cpu_method: str = "none"
    gpu_method: str = "none"
    ram_method: str = "none"
    cpu_tdp_w: float | None = None
    cpu_tdp_source: str | None = None
    gpu_tracked_count: int | None = None

    @property
    def energy_kwh(self) -> float | None:
        """Sum of the known components, kWh; None if none is known."""
        energies = [e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None]
        return sum(energies) if energies else None

    def __add__(self, later: "Reading") -> "Reading":
        """Add the energies of a later, adjacent span."""
        return replace(
            later,
            cpu_energy_kwh=_sum_or_none(self.cpu_energy_kwh, later.cpu_energy_kwh),
            gpu_energy_kwh=_sum_or_none(self.gpu_energy_kwh, later.gpu_energy_kwh),
            ram_energy_kwh=_sum_or_none(self.ram_energy_kwh, later.ram_energy_kwh),
        )

    def scaled(self, cpu: float, gpu: float, ram: float) -> "Reading":
        """Multiply each energy by its own factor."""
        return replace(
            self,
            cpu_energy_kwh=None if self.cpu_energy_kwh is None else self.cpu_energy_kwh * cpu,
            gpu_energy_kwh=None if self.gpu_energy_kwh is None else self.gpu_energy_kwh * gpu,
            ram_energy_kwh=None if self.ram_energy_kwh is None else self.ram_energy_kwh * ram,
        )


class Meter(Protocol):
    """A meter that measures one span of time. Each method may raise; the caller then continues without the meter.

    Attributes:
        name: name of the meter, as in the record.
        version: version of the meter.
        ignored_settings: settings of the meter found in files or the environment, which are ignored; None if there
            are none.
    """

    name: str
    version: str
    ignored_settings: str | None

    def prepare(self) -> Reading:
        """Detect the hardware, and do everything else that is slow. Called once, before the span begins.

        Returns:
            How each component will be measured, without energies.
        """

    def start(self) -> None:
        """Start the span."""

    def read(self) -> Reading:
        """Read the energy since `start`. May be called from another thread, but calls never overlap."""

    def stop(self, ended: float) -> Reading:
        """End the span and return its total energy.

        Args:
            ended: time at which the work ended, just before this call (`time.perf_counter`, seconds).
        """


class CodeCarbonMeter:
    """CodeCarbon's task measurement: it captures 97 to 99 % of the energy of runs of 5 to 50 ms, where its `start` and
    `stop` lose most of it.

    Each `read` closes a task and opens the next one, so that the energy counters are read before they overflow (RAPL
    wraps around after 262 kJ, at 100 W every 44 minutes). CodeCarbon therefore covers slightly less than the span of
    the work: it loses the time needed to read its sensors, and the time between two tasks, which under load can reach
    a tenth of a second or more. The energy of each component is scaled from the covered time to the span, assuming
    constant power in the gaps.
    """

    name = "codecarbon"

    def __init__(self, tracking_mode: TrackingMode = TrackingMode.machine, pue: float = 1.0):
        """Store the options; nothing is opened yet.

        Args:
            tracking_mode: `machine` measures the whole machine, `process` this process and its children.
            pue: power usage effectiveness; all energies are multiplied by it.
        """
        self.tracking_mode = tracking_mode
        self.pue = pue
        self.ignored_settings: str | None = None
        self._tasks = Reading(cpu_energy_kwh=0, gpu_energy_kwh=0, ram_energy_kwh=0)
        self._covered_s = {"cpu": 0.0, "gpu": 0.0, "ram": 0.0}

    def prepare(self) -> Reading:
        """Create the tracker with every setting passed explicitly, so that `.codecarbon.config` files and environment
        variables have no effect.
        """
        import codecarbon

        self.version = codecarbon.__version__
        self.ignored_settings = _external_settings()
        _LOG_SILENCER.begin(self)
        with _isolated_codecarbon():
            self._tracker = self._make_tracker()
        if not hasattr(self._tracker, "run_id"):
            raise RuntimeError("CodeCarbon could not create its tracker; the reason is in its log")
        self._tracker.get_detected_hardware()
        for part in self._tracker._hardware:
            self._record_covered_time(part)
        self._methods = self._read_methods()
        return self._methods

    def _make_tracker(self) -> Any:
        import codecarbon

        return codecarbon.OfflineEmissionsTracker(
            # This package determines location and intensity; a forced intensity keeps CodeCarbon from looking one up.
            country_iso_code=None,
            region=None,
            cloud_provider=None,
            cloud_region=None,
            country_2letter_iso_code=None,
            force_carbon_intensity_g_co2e_kwh=0.0,
            electricitymaps_api_token=None,
            tracking_mode=self.tracking_mode,
            pue=self.pue,
            wue=0.0,
            measure_power_secs=1,
            force_cpu_power=None,
            force_ram_power=None,
            force_mode_cpu_load=False,
            rapl_include_dram=False,
            rapl_prefer_psys=False,
            gpu_ids=gpus_to_measure(),
            allow_multiple_runs=True,  # False replaces the signal handlers, and a second run gets no data
            output_methods=[],
            output_handlers=[],
            output_dir=".",
            emissions_endpoint=None,
            project_name="carbon_pipeline",
            experiment_name="carbon_pipeline",
            logger_preamble="",
            log_level="error",
            metadata=None,
            api_call_interval=-1,
        )

    def start(self) -> None:
        """Start the span."""
        self._open_task()
        self._started = time.perf_counter()

    def read(self) -> Reading:
        """Read the energy since `start`; the measurement continues."""
        now = self._close_task()
        self._open_task()
        return self._reading_until(now)

    def stop(self, ended: float) -> Reading:
        """End the span.

        Args:
            ended: time at which the work ended (`time.perf_counter`, seconds).
        """
        try:
            self._close_task()
        finally:
            _LOG_SILENCER.end(self)
        return self._reading_until(ended)

    def _open_task(self) -> None:
        self._tracker.start_task()

    def _close_task(self) -> float:
        """Close the task, add its energy, and return the time (`time.perf_counter`, seconds)."""
        data = self._tracker.stop_task()
        if data is None:
            raise RuntimeError("CodeCarbon has no running measurement")
        self._tracker._tasks.clear()  # the tracker keeps every ended task
        self._tasks += replace(
            self._methods,
            cpu_energy_kwh=float(data.cpu_energy) if self._methods.cpu_method != "none" else None,
            gpu_energy_kwh=float(data.gpu_energy) if self._methods.gpu_method != "none" else None,
            ram_energy_kwh=float(data.ram_energy) if self._methods.ram_method != "none" else None,
        )
        return time.perf_counter()

    def _record_covered_time(self, part: Any) -> None:
        """Wrap the measuring method of a component to add up the time that its energy covers."""
        measure, name = part.measure_power_and_energy, _part_name(part)

        def measure_and_record(last_duration: float, *args: Any, **kwargs: Any) -> Any:
            self._covered_s[name] += last_duration
            return measure(last_duration, *args, **kwargs)

        part.measure_power_and_energy = measure_and_record

    def _reading_until(self, now: float) -> Reading:
        """Energy from the start until `now`, scaled from the time that the tasks cover."""
        span_s = now - self._started
        return self._tasks.scaled(
            **{part: span_s / covered_s if covered_s > 0 else 1.0 for part, covered_s in self._covered_s.items()}
        )

    def _read_methods(self) -> Reading:
        """Read from the tracker how each component is measured, without energies."""
        methods: dict[str, Any] = {}
        for part in self._tracker._hardware:
            kind, chip = type(part).__name__, getattr(part, "chip_part", "").lower()
            if kind == "CPU":
                methods["cpu_method"] = _CPU_METHODS.get(part._mode, part._mode)
                if part._mode in ("cpu_load", "constant"):
                    methods["cpu_tdp_w"] = float(part._tdp)
                    methods["cpu_tdp_source"] = _tdp_source(part)
            elif kind == "RAM":
                methods["ram_method"] = "estimated"
            elif kind == "GPU":
                methods["gpu_method"] = _gpu_method(part)
                methods["gpu_tracked_count"] = len(_tracked_devices(part))
            elif kind == "AppleSiliconChip" and chip:
                methods[f"{chip}_method"] = "powermetrics"
            elif kind == "Raspberry" and chip:
                methods[f"{chip}_method"] = "pmic"
        return Reading(**methods)


def _part_name(part: Any) -> str:
    """Component name, `cpu`, `gpu` or `ram`: from the class, or from the part of a chip that contains all three."""
    kind = type(part).__name__.lower()
    return kind if kind in ("cpu", "gpu", "ram") else part.chip_part.lower()


_CPU_METHODS = {
    "intel_rapl": "rapl",
    "windows_emi": "emi",
    "intel_power_gadget": "power_gadget",
}


class _LogSilencer:
    """Log level of CodeCarbon: errors only while any meter is measuring, restored after the last one has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._meters: set[int] = set()
        self._level_before = logging.NOTSET

    def begin(self, meter: object) -> None:
        log = logging.getLogger("codecarbon")
        with self._lock:
            if not self._meters:
                self._level_before = log.level
            self._meters.add(id(meter))
            log.setLevel(logging.ERROR)

    def end(self, meter: object) -> None:
        with self._lock:
            was_silenced = bool(self._meters)
            self._meters.discard(id(meter))
            if was_silenced and not self._meters:
                logging.getLogger("codecarbon").setLevel(self._level_before)


_LOG_SILENCER = _LogSilencer()
_PATCH_LOCK = threading.Lock()


@contextmanager
def _isolated_codecarbon() -> Iterator[None]:
    """Keep CodeCarbon from reading its own settings within the block, and preset the CPU model where it is known.

    Every setting is passed to the tracker anyway, but a settings file that cannot be parsed would make it fail.
    """
    from codecarbon import emissions_tracker

    with _PATCH_LOCK:
        _preset_cpu_model()
        read_settings = emissions_tracker.get_hierarchical_config
        emissions_tracker.get_hierarchical_config = dict
        try:
            yield
        finally:
            emissions_tracker.get_hierarchical_config = read_settings


def _preset_cpu_model() -> None:
    """Fill CodeCarbon's cache of the CPU model from the probe of this package.

    CodeCarbon gets the model from py-cpuinfo, which starts a process and takes a second, and caches it. On Linux and
    macOS py-cpuinfo reads it from the same source as the probe, which takes almost no time.
    """
    import cpuinfo
    from codecarbon.core.util import detect_cpu_model

    found = cpu_model()
    if detect_cpu_model.cache_info().currsize or found.source not in ("/proc/cpuinfo", "sysctl"):
        return
    original_get_cpu_info = cpuinfo.get_cpu_info
    cpuinfo.get_cpu_info = lambda: {"brand_raw": found.value}
    try:
        detect_cpu_model()
    finally:
        cpuinfo.get_cpu_info = original_get_cpu_info


def _external_settings() -> str | None:
    """CodeCarbon's settings in `.codecarbon.config` and `CODECARBON_*`: names and sources, never values (API keys)."""
    from codecarbon.core.config import get_hierarchical_config_with_sources

    try:
        _, sources = get_hierarchical_config_with_sources()
    except Exception as error:  # noqa: BLE001 - a file that cannot be parsed raises exceptions of any type
        return f"unreadable ({type(error).__name__})"  # the message would quote the file
    return ", ".join(f"{name} ({source})" for name, source in sorted(sources.items())) or None


def _tdp_source(cpu: Any) -> str:
    if cpu._is_generic_tdp:
        return "85_w"
    return "4_w_per_thread" if cpu_tdp_w(cpu.get_model()) is None else "table"


@cache
def cpu_tdp_w(cpu_model: str | None) -> float | None:
    """TDP of a CPU model in CodeCarbon's table of CPUs, W.

    Returns:
        The TDP; None if the table does not contain the model, where CodeCarbon assumes 4 W per thread, or 85 W.
    """
    from codecarbon.core.cpu import TDP

    matcher = TDP.__new__(TDP)  # its constructor would detect the CPU again
    try:
        return matcher._get_cpu_power_from_registry(cpu_model) if cpu_model else None
    except ValueError:  # the table has a few values such as 27.29.5
        return None


def _tracked_devices(gpu: Any) -> list[Any]:
    return [device for device in gpu.devices.devices if device.gpu_index in gpu._get_gpu_ids()]


def _gpu_method(gpu: Any) -> str:
    devices = _tracked_devices(gpu)
    if not devices:
        return "none"
    if any("AMD" in type(device).__name__.upper() for device in devices):
        return "amdsmi"
    return "nvml_counter" if all(getattr(device, "_has_counter", False) for device in devices) else "nvml_sampled"


def _sum_or_none(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
