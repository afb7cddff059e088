"""The meter, which reads the energy. CodeCarbon is behind a small interface, so that tests can use a fake and users
another meter.

This is the only module that uses CodeCarbon's tracker, and the only one that reads private attributes of it
(`_hardware` and its contents), since the record that CodeCarbon publishes contains neither the method of each number
nor the time span that its energies cover.
`carbon_pipeline_tests/integration/test_meter.py` fails if an upgrade removes one of these attributes.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

from carbon_pipeline.errors import UserError
from carbon_pipeline.model.power_limits import MOST_BOARD_W, MOST_PACKAGE_W
from carbon_pipeline.model.record import TrackingMode
from carbon_pipeline.probes.gpus import gpus_to_measure
from carbon_pipeline.probes.hardware import cpu_model
from carbon_pipeline.tracking.counter import Channel, CounterChannel


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
        gpu_ids: hashes of the UUIDs of these GPUs.
        at: time that the energies were read at (`time.perf_counter`, seconds); None for a meter that does not say.
        unknown: components of which a counter could not be read just now: a later reading may know more.
        unknown_s: how long that has been so, seconds.
        flags: flags of the record that follow from how the readings went.
        cpu_gap_s: time in which the energy of the CPUs is not known or is estimated, since readings failed, seconds.
        gpu_gap_s: the same for the GPUs.
        tracking_mode: what the meter looks at; None for a meter that looks at what it was told to.
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
    gpu_ids: tuple[str, ...] = ()
    at: float | None = None
    unknown: tuple[str, ...] = ()
    unknown_s: float = 0.0
    flags: tuple[str, ...] = ()
    cpu_gap_s: float | None = None
    gpu_gap_s: float | None = None
    tracking_mode: TrackingMode | None = None

    @property
    def energy_kwh(self) -> float | None:
        """Sum of the known components, kWh; None if none is known."""
        energies = [e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None]
        return sum(energies) if energies else None


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
    """Reads the hardware that CodeCarbon finds through CodeCarbon's own classes, from the start of the work to its end.

    CodeCarbon's tracker would lose the time that it needs to read its sensors, most of a run of 50 ms (`start` and
    `stop`), and the time between two tasks. Here each counter is read once a sample and never started again: what
    counts are differences, which are cut to the work at its two ends only. RAPL wraps around after 262 kJ, at 100 W
    every 44 minutes.
    """

    name = "codecarbon"

    def __init__(self, tracking_mode: TrackingMode = TrackingMode.machine, pue: float = 1.0):
        """Store the options; nothing is opened yet.

        Args:
            tracking_mode: `machine` measures the whole machine, `process` this process and its children, where no
                counter of the machine is read.
            pue: power usage effectiveness; all energies are multiplied by it.
        """
        self.tracking_mode = tracking_mode
        self.pue = pue
        self.ignored_settings: str | None = None
        self._methods = Reading()
        self._parts: list[_Part] = []

    def prepare(self) -> Reading:
        """Create the tracker with every setting passed explicitly, so that `.codecarbon.config` files and environment
        variables have no effect.
        """
        import codecarbon

        self.version = codecarbon.__version__
        self.ignored_settings = _external_settings()
        _LOG_SILENCER.begin(self)
        self._detect()
        if self.tracking_mode is TrackingMode.process and _sees_the_machine(self._methods):
            self.tracking_mode = TrackingMode.machine
            self._detect()
            self._methods = replace(self._methods, flags=("machine_wide_counters",))
        return self._methods

    def _detect(self) -> None:
        with _isolated_codecarbon():
            self._tracker = self._make_tracker()
        if not hasattr(self._tracker, "run_id"):
            raise RuntimeError("CodeCarbon could not create its tracker; the reason is in its log")
        self._tracker.get_detected_hardware()
        self._methods = self._read_methods()
        self._parts = [_Part(part) for part in self._tracker._hardware]

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
            pue=1.0,
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
        for part in self._parts:
            part.start()
        self._tracker._scheduler_monitor_power.start()  # samples load and power once a second for what has no counter
        self._started = time.perf_counter()

    def read(self) -> Reading:
        """Read the energy since `start`; the measurement continues."""
        self._tracker._clear_utilization_history()  # the thread that samples the load keeps every value
        for part in self._parts:
            part.read()
        return self._reading_at(time.perf_counter())

    def stop(self, ended: float) -> Reading:
        """End the span.

        Args:
            ended: time at which the work ended (`time.perf_counter`, seconds).
        """
        try:
            self._tracker._scheduler_monitor_power.stop()
            for part in self._parts:
                part.end(ended)
        finally:
            _LOG_SILENCER.end(self)
        return self._reading_at(ended)

    def _reading_at(self, at: float) -> Reading:
        by_name = {part.name: part for part in self._parts}
        values: dict[str, Any] = {
            f"{name}_energy_kwh": part.energy_kwh(self._started, at, self.pue)
            for name, part in by_name.items()
            if getattr(self._methods, f"{name}_method") != "none"
        }
        values |= {f"{name}_gap_s": by_name[name].gap_s(at) for name in ("cpu", "gpu") if name in by_name}
        channels = [channel for part in self._parts for channel in part.channels.values()]
        flags = {
            "counter_glitch": any(channel.has_glitch for channel in channels),
            "reads_failed": any(channel.has_failed for channel in channels),
        }
        return replace(
            self._methods,
            **values,
            at=at,
            unknown=tuple(name for name, part in by_name.items() if part.unknown_s(at)),
            unknown_s=max((part.unknown_s(at) for part in self._parts), default=0.0),
            flags=(*self._methods.flags, *(flag for flag, applies in flags.items() if applies)),
            tracking_mode=self.tracking_mode,
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
                devices = _tracked_devices(part)
                methods["gpu_tracked_count"] = len(devices)
                methods["gpu_ids"] = tuple(hashlib.sha256(str(one._uuid).encode()).hexdigest()[:12] for one in devices)
            elif kind == "AppleSiliconChip" and chip:
                methods[f"{chip}_method"] = "powermetrics"
            elif kind == "Raspberry" and chip:
                methods[f"{chip}_method"] = "pmic"
        return Reading(**methods)


class _Part:
    """One of CodeCarbon's hardware objects, read as one channel for each of its counters, or as one for all."""

    def __init__(self, part: Any):
        self._part = part
        self.name = _part_name(part)
        self.channels: dict[Any, Channel] = {}
        self._read_at = 0.0
        self._offsets_kwh: dict[Any, float] = {}
        self._gpu_kwh: dict[int, float | None] = {}

    def start(self) -> None:
        self._part.start()
        self._read_at = at = time.perf_counter()
        counters = self._counters()
        for key, (value_kwh, wraps_at_kwh) in counters.items():
            most_w = MOST_BOARD_W if self.name == "gpu" else MOST_PACKAGE_W
            counter = self.channels[key] = CounterChannel(wraps_at_kwh, most_w)
            counter.begin(at, value_kwh)
        if not counters:
            self.channels[None] = Channel()
            self.channels[None].start(at)

    def read(self) -> None:
        began = time.perf_counter()
        # CodeCarbon computes a power from it.
        _, energy = self._part.measure_power_and_energy(max(began - self._read_at, 1e-9))
        at = time.perf_counter()
        if None in self.channels:
            self.channels[None].add(began, max(float(energy.kWh), 0.0))  # of a modelled power, until it was read
            if self._failing_devices():
                self.channels[None].add_gap(began - self._read_at)
        for key, (value_kwh, _) in self._counters().items():
            channel = self.channels.get(key)
            if isinstance(channel, CounterChannel):
                channel.read(at, value_kwh)  # a counter that was held up has its value from the end of the reading
        self._read_at = began

    def end(self, ended: float) -> None:
        """Read once more, unless the last reading is later than the end of the work."""
        if self._read_at < ended:
            self.read()
        for channel in self.channels.values():
            if isinstance(channel, CounterChannel):
                channel.end(ended)

    def energy_kwh(self, started: float, at: float, pue: float) -> float | None:
        """Energy between two times, kWh; None if no channel has measured anything."""
        known: list[float] = []
        mirrors = self._mirrors()
        for key, channel in self.channels.items():
            energy_kwh = channel.energy_kwh(at)
            if energy_kwh is not None and key not in mirrors:
                offset = self._offsets_kwh.setdefault(key, channel.energy_kwh(started) or 0.0)
                known.append(max(energy_kwh - offset, 0.0))
        return pue * sum(known) if known else None

    def gap_s(self, at: float) -> float:
        """The longest gap of a channel until a time, seconds."""
        return max((channel.gap_s(at) for channel in self.channels.values()), default=0.0)

    def unknown_s(self, at: float) -> float:
        """How long the energy of a channel has not been known at a time, seconds."""
        mirrors = self._mirrors()
        return max((one.unknown_s(at) for key, one in self.channels.items() if key not in mirrors), default=0.0)

    def _counters(self) -> dict[Any, tuple[float | None, float]]:
        """Each counter that was just read: its value, None if it could not be read, and where it wraps around; kWh."""
        if getattr(self._part, "_mode", None) == "intel_rapl":
            return {
                file.path: (_kwh_or_none(file.last_energy), float(file.max_energy_reading))
                for file in self._part._intel_interface._rapl_files
            }
        if self.name == "gpu" and hasattr(self._part, "devices"):
            devices = _tracked_devices(self._part)
            if devices and all(getattr(device, "_has_counter", False) for device in devices):
                return {device.gpu_index: (self._counter_of(device), 0.0) for device in devices}
        return {}

    def _counter_of(self, device: Any) -> float | None:
        """Value of the energy counter of a GPU that was just read, kWh; None if it could not be read.

        CodeCarbon falls back to the power where it could not, and then keeps the last value; but also where the counter
        is lower than before, and then takes the new one.
        """
        value_kwh = _kwh_or_none(device.last_energy)
        before_kwh, self._gpu_kwh[device.gpu_index] = self._gpu_kwh.get(device.gpu_index), value_kwh
        return None if device._use_power_fallback and value_kwh == before_kwh else value_kwh

    def _mirrors(self) -> set[Any]:
        """Counters that CodeCarbon has found, or suspects, to be another view of one that is read already."""
        if getattr(self._part, "_mode", None) != "intel_rapl":
            return set()
        interface = self._part._intel_interface
        independent = {file.path for file in interface._rapl_files} - set(interface._mirrored_candidates)
        return set(self.channels) - independent

    def _failing_devices(self) -> bool:
        """Whether the power of a GPU without a counter could not be read."""
        if self.name != "gpu" or not hasattr(self._part, "devices"):
            return False
        return any(getattr(device, "_warned_power_failure", False) for device in _tracked_devices(self._part))


def _kwh_or_none(energy: Any) -> float | None:
    return None if energy is None else float(energy.kWh)


def _sees_the_machine(methods: Reading) -> bool:
    """Whether a counter or a sensor is read that sees the whole machine, whatever the tracking mode."""
    return methods.cpu_method not in ("cpu_load", "constant", "none") or methods.gpu_method != "none"


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
