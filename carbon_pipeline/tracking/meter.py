"""The meter: what reads the energy. CodeCarbon stands behind one small interface, so that a test can put a fake in its
place and a user another meter.

This is the only file that touches CodeCarbon's tracker, and the only one that reads private attributes of it:
`_hardware` and what lies in it, since the record that CodeCarbon publishes does not say how a number was obtained, nor
what span its energies cover.
`carbon_pipeline_tests/integration/test_meter.py` fails when an upgrade takes one of them away.
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
    """The meter could not measure; the message says why."""


@dataclass(frozen=True)
class Reading:
    """What a meter saw since its start. Energies include the PUE that the meter was given.

    Attributes:
        cpu_energy_kwh: energy of the CPUs, kWh; None if not measured.
        gpu_energy_kwh: energy of the GPUs, kWh; None if not measured.
        ram_energy_kwh: energy of the memory, kWh; None if not measured.
        cpu_method: `rapl`, `emi`, `power_gadget`, `powermetrics`, `pmic` (counters and sensors), `cpu_load` (modelled
            from load and TDP), `constant` (half the TDP), `none`.
        gpu_method: `nvml_counter`, `nvml_sampled`, `amdsmi`, `powermetrics`, `none`.
        ram_method: `estimated` (from the size of the memory), `constant`, `pmic`, `none`.
        cpu_tdp_w: thermal design power of all CPUs that `cpu_load` and `constant` reckon with, W.
        cpu_tdp_source: where that TDP comes from: `table` (of this CPU model), or one of CodeCarbon's guesses:
            `4_w_per_thread`, `85_w`; None if none is used.
        gpu_tracked_count: GPUs whose energy is in the reading; None if the meter does not say.
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
        """The sum of the parts that are known, kWh; None if none is."""
        known = [e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None]
        return sum(known) if known else None

    def __add__(self, later: "Reading") -> "Reading":
        """The energies of two spans that follow each other."""
        return replace(
            later,
            cpu_energy_kwh=_sum(self.cpu_energy_kwh, later.cpu_energy_kwh),
            gpu_energy_kwh=_sum(self.gpu_energy_kwh, later.gpu_energy_kwh),
            ram_energy_kwh=_sum(self.ram_energy_kwh, later.ram_energy_kwh),
        )

    def scaled(self, cpu: float, gpu: float, ram: float) -> "Reading":
        """The energies, each times a factor of its own."""
        return replace(
            self,
            cpu_energy_kwh=None if self.cpu_energy_kwh is None else self.cpu_energy_kwh * cpu,
            gpu_energy_kwh=None if self.gpu_energy_kwh is None else self.gpu_energy_kwh * gpu,
            ram_energy_kwh=None if self.ram_energy_kwh is None else self.ram_energy_kwh * ram,
        )


class Meter(Protocol):
    """Measures one span. Each method may raise; whoever uses a meter goes on without it then."""

    name: str
    version: str
    ignored_settings: str | None
    """Settings of the meter's own that were found outside and do not count here; None if there are none."""

    def prepare(self) -> Reading:
        """All that is slow: looks for the hardware. Called once, before the span begins.

        Returns:
            How each component will be measured, without energies.
        """

    def start(self) -> None:
        """Begins the span."""

    def read(self) -> Reading:
        """The energy since `start`. May be called from another thread, but never two calls at a time."""

    def stop(self, ended: float) -> Reading:
        """Ends the span and returns all of its energy.

        Args:
            ended: the moment at which the work ended (`time.perf_counter`), just before this call.
        """


class CodeCarbonMeter:
    """CodeCarbon's task measurement: it keeps 97 to 99 % of the energy of runs of 5 to 50 ms, where its `start` and
    `stop` lose most of it.

    A task is closed and the next one opened at each `read`: this reads the energy counters in time (RAPL wraps around
    after 262 kJ, at 100 W every 44 minutes). What CodeCarbon covers is therefore not quite the span of the work: it
    loses the time that it takes to look at its sensors, and the time between two tasks, which under load can reach a
    tenth of a second and more. The energy of each component is scaled from the time that was covered to the span, as if
    the power had been the same in between.
    """

    name = "codecarbon"

    def __init__(self, tracking_mode: TrackingMode = TrackingMode.machine, pue: float = 1.0):
        """Opens nothing yet.

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
        """Makes the tracker, with every setting given: a stray `.codecarbon.config` or variable changes nothing."""
        import codecarbon

        self.version = codecarbon.__version__
        self.ignored_settings = _settings_from_outside()
        _QUIET.begin(self)
        with _codecarbon_by_our_rules():
            self._tracker = self._make_tracker()
        if not hasattr(self._tracker, "run_id"):
            raise RuntimeError("CodeCarbon could not make its tracker; its log says why")
        self._tracker.get_detected_hardware()
        for part in self._tracker._hardware:
            self._note_what_it_covers(part)
        self._methods = self._read_methods()
        return self._methods

    def _make_tracker(self) -> Any:
        import codecarbon

        return codecarbon.OfflineEmissionsTracker(
            # Place and intensity are settled by this project; a forced intensity keeps CodeCarbon from looking any up.
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
            allow_multiple_runs=True,  # False takes over the signal handlers, and gives a second run no data at all
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
        """Begins the span."""
        self._open_task()
        self._started = time.perf_counter()

    def read(self) -> Reading:
        """The energy since `start`; measuring goes on."""
        now = self._close_task()
        self._open_task()
        return self._until(now)

    def stop(self, ended: float) -> Reading:
        """Ends the span."""
        try:
            self._close_task()
        finally:
            _QUIET.end(self)
        return self._until(ended)

    def _open_task(self) -> None:
        self._tracker.start_task()

    def _close_task(self) -> float:
        """Adds the energy of the task; returns the moment (`time.perf_counter`)."""
        data = self._tracker.stop_task()
        if data is None:
            raise RuntimeError("CodeCarbon had no measurement running")
        self._tracker._tasks.clear()  # it keeps every task that has ended
        self._tasks += replace(
            self._methods,
            cpu_energy_kwh=float(data.cpu_energy) if self._methods.cpu_method != "none" else None,
            gpu_energy_kwh=float(data.gpu_energy) if self._methods.gpu_method != "none" else None,
            ram_energy_kwh=float(data.ram_energy) if self._methods.ram_method != "none" else None,
        )
        return time.perf_counter()

    def _note_what_it_covers(self, part: Any) -> None:
        """Adds up the time that CodeCarbon bills this component for, each time that it measures it."""
        measure, name = part.measure_power_and_energy, _part_name(part)

        def measure_and_note(last_duration: float, *args: Any, **kwargs: Any) -> Any:
            self._covered_s[name] += last_duration
            return measure(last_duration, *args, **kwargs)

        part.measure_power_and_energy = measure_and_note

    def _until(self, now: float) -> Reading:
        """The energy from the start to a moment, scaled from what the tasks cover."""
        span_s = now - self._started
        return self._tasks.scaled(
            **{part: span_s / covered_s if covered_s > 0 else 1.0 for part, covered_s in self._covered_s.items()}
        )

    def _read_methods(self) -> Reading:
        """How each component is measured, without energies."""
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
                methods["gpu_tracked_count"] = len(_watched(part))
            elif kind == "AppleSiliconChip" and chip:
                methods[f"{chip}_method"] = "powermetrics"
            elif kind == "Raspberry" and chip:
                methods[f"{chip}_method"] = "pmic"
        return Reading(**methods)


def _part_name(part: Any) -> str:
    """`cpu`, `gpu` or `ram`: of the class, or of the part of a chip that holds all three."""
    kind = type(part).__name__.lower()
    return kind if kind in ("cpu", "gpu", "ram") else part.chip_part.lower()


_CPU_METHODS = {
    "intel_rapl": "rapl",
    "windows_emi": "emi",
    "intel_power_gadget": "power_gadget",
}


class _Quiet:
    """CodeCarbon's log says errors only while any meter measures, and is as before when the last one has ended."""

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
            was_quiet = bool(self._meters)
            self._meters.discard(id(meter))
            if was_quiet and not self._meters:
                logging.getLogger("codecarbon").setLevel(self._level_before)


_QUIET = _Quiet()
_BY_OUR_RULES = threading.Lock()


@contextmanager
def _codecarbon_by_our_rules() -> Iterator[None]:
    """While a tracker is made, CodeCarbon reads no settings of its own, and knows the CPU's name where it is at hand.

    Every setting is given to the tracker anyway, but a file that cannot be parsed would stop it.
    """
    from codecarbon import emissions_tracker

    with _BY_OUR_RULES:
        _name_the_cpu()
        read_settings = emissions_tracker.get_hierarchical_config
        emissions_tracker.get_hierarchical_config = dict
        try:
            yield
        finally:
            emissions_tracker.get_hierarchical_config = read_settings


def _name_the_cpu() -> None:
    """CodeCarbon asks py-cpuinfo for it, which starts a process and takes a second, and keeps the answer. On Linux and
    macOS py-cpuinfo takes the name from where our own probe reads it in no time.
    """
    import cpuinfo
    from codecarbon.core.util import detect_cpu_model

    found = cpu_model()
    if detect_cpu_model.cache_info().currsize or found.source not in ("/proc/cpuinfo", "sysctl"):
        return
    slow = cpuinfo.get_cpu_info
    cpuinfo.get_cpu_info = lambda: {"brand_raw": found.value}
    try:
        detect_cpu_model()
    finally:
        cpuinfo.get_cpu_info = slow


def _settings_from_outside() -> str | None:
    """CodeCarbon's settings in `.codecarbon.config` and `CODECARBON_*`: names and places, never values (API keys)."""
    from codecarbon.core.config import get_hierarchical_config_with_sources

    try:
        _, sources = get_hierarchical_config_with_sources()
    except Exception as error:  # noqa: BLE001 - a file that cannot be parsed raises whatever comes first
        return f"unreadable ({type(error).__name__})"  # the message would quote the file
    return ", ".join(f"{name} ({source})" for name, source in sorted(sources.items())) or None


def _tdp_source(cpu: Any) -> str:
    if cpu._is_generic_tdp:
        return "85_w"
    return "table" if _is_in_power_table(cpu.get_model()) else "4_w_per_thread"


@cache
def _is_in_power_table(cpu_model: str | None) -> bool:
    """Whether CodeCarbon's table of CPUs holds this model; else its TDP is 4 W for each thread, or 85 W."""
    from codecarbon.core.cpu import TDP
    from codecarbon.input import DataSource

    matcher = TDP.__new__(TDP)  # its constructor would look for the CPU once more
    return bool(cpu_model and matcher._get_matching_cpu(cpu_model, DataSource().get_cpu_power_data()))


def _watched(gpu: Any) -> list[Any]:
    return [device for device in gpu.devices.devices if device.gpu_index in gpu._get_gpu_ids()]


def _gpu_method(gpu: Any) -> str:
    watched = _watched(gpu)
    if not watched:
        return "none"
    if any("AMD" in type(device).__name__.upper() for device in watched):
        return "amdsmi"
    return "nvml_counter" if all(getattr(device, "_has_counter", False) for device in watched) else "nvml_sampled"


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
