"""Uncertainty of measured energy: intervals computed from energies and methods. Pure functions, no measuring.

The energy that a machine draws at the wall is between

    low  = m_low  * (f_low  . E) + p_low  * t
    high = m_high * (f_high . E) + p_high * t

with E the measured energies of CPU, GPU and RAM, f the error factors of each method, m the losses that grow with the
load (power supply, voltage regulators, fans), p the power of the rest of the machine (mainboard, disks, fans, network,
unmeasured GPUs) and t the duration. The lower end of p is below 0 for small machines, whose counters read too much when
idle; `low` is at least 0.7 times its first term. The power of a CPU that is modelled from its TDP is bounded by a pair
of curves in place of f, which consist of three lines each. The interval always contains the measured energy itself.

Where a method is not known, the interval is that of all that it may be; what the processor can draw at most bounds it.

All that depends on methods and machine is in `Coefficients`; `apply` is the formula. The view `core.run` of the
warehouse applies the same coefficients by the same formula in SQL, and a property test compares the two.

docs/measuring.md explains the model and its validation on published runs with a wall meter; `make bench` repeats it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypedDict, Unpack

from carbon_pipeline.model import grid
from carbon_pipeline.model.machine_kind import kind_of
from carbon_pipeline.model.power_limits import ANY_GPU_W, cpu_limit_w, gpu_limit_w
from carbon_pipeline.model.quantities import J_PER_KWH

ROUNDED = 1e-4
"""How far a total may be from the sum of its parts, relative to it, by the digits that files have."""

HIGHEST_KWH = 1e300
"""Ends are finite, whatever they are computed from."""

Quality = Literal["high", "medium", "low"]
IntervalSource = Literal["model", "calibrated", "wall_meter"]

QUALITY_WITHIN: dict[Quality, float] = {"high": 0.10, "medium": 0.25, "low": 0.50}
"""BoAmps' quality levels: how much the published energy may err, relative to itself; beyond the last there is none."""


@dataclass(frozen=True)
class Range:
    """Lower and upper end of a coefficient, and the published source of both."""

    low: float
    high: float
    source: str

    def hull(self, other: "Range") -> "Range":
        """The smallest range that contains both ranges."""
        return Range(min(self.low, other.low), max(self.high, other.high), f"{self.source}; {other.source}")


_RAPL = "Khan et al. 2018 (10.1145/3177754); Fischer 2025 (arXiv 2509.22092)"
_PROFILES = "CodeCarbon's cpu_load_profiling: RAPL against the load of 4 CPUs, 86 points"
_DIMM = "Desrochers et al. 2016 (10.1145/2989081.2989088): 0.5 to 3.1 W per module, where CodeCarbon assumes 5 W"
_SAMPLED = "Yang et al. 2024 (arXiv 2312.02741): corrections reduce errors by 35 % on average, by up to 65 %"
_IDLE_DIMM = "assumed: an idle module draws 0.2 W (DDR4 in self-refresh), where CodeCarbon assumes 10 W"
_SMALL = "hubblo-org/scaphandre#117: RAPL reads 0.6 W more than the wall meter of an idle mini PC"
_PI = "github.com/jfikar/RPi5-power: 1.13 times the PMIC's sum and 0.64 W"
_NO_DATA = "assumed: no published comparison"

FACTORS = {
    "rapl": Range(0.95, 1.05, _RAPL),
    "emi": Range(0.95, 1.05, f"the same counters as rapl: {_RAPL}"),
    "power_gadget": Range(0.95, 1.05, f"the same counters as rapl: {_RAPL}"),
    "powermetrics": Range(0.7, 1.3, _NO_DATA),
    "pmic": Range(0.85, 1.15, _PI),
    "cpu_load": Range(0.5, 5.3, _PROFILES),
    "constant": Range(0.15, 2.0, f"half the TDP, against the powers in {_PROFILES}"),
    "nvml_counter": Range(
        0.95,
        1.05,
        "NVIDIA's NVML reference: within 5 % (stated for Fermi and Kepler); Yang et al. 2024 (arXiv 2312.02741)",
    ),
    "nvml_sampled": Range(0.6, 2.9, f"{_SAMPLED}; assumed to hold for a load with the period of the samples (1 s)"),
    "amdsmi": Range(0.9, 1.1, _NO_DATA),
    "estimated": Range(0.02, 1.3, f"{_IDLE_DIMM}; {_DIMM}"),
    "none": Range(1.0, 1.0, "nothing to measure"),
}
"""True energy of a component as a multiple of its measured energy, by method."""

UNKNOWN_METHOD = {
    "cpu": FACTORS["rapl"].hull(FACTORS["cpu_load"]).hull(FACTORS["constant"]),
    "gpu": FACTORS["nvml_counter"].hull(FACTORS["nvml_sampled"]),
    "ram": FACTORS["estimated"],
}
"""True energy of a component as a multiple of its measured energy, where the method is not known (imported files)."""

_FULL_DIMMS = Range(0.1, 1.3, _DIMM)
ESTIMATED_RAM = {
    "board": Range(0.02, 0.5, "1.5 W for 8 GB of LPDDR4 under load, where CodeCarbon assumes at least 3 W"),
    "workstation": _FULL_DIMMS,
    "server": _FULL_DIMMS,
    "gpu_server": _FULL_DIMMS,
}
"""True energy of modelled memory as a multiple of its energy, for kinds of machine that differ from `estimated`."""

GUESSED_TDP = {
    "4_w_per_thread": Range(0.4, 2.5, "specified TDP per thread: 2 W of servers and laptops to 8 W of desktops"),
    "85_w": Range(0.1, 4.0, "specified TDP: 6 W of laptops to 350 W of servers"),
}
"""True TDP as a multiple of CodeCarbon's guess."""

PROCESSORS = Range(1.0, 2.0, "servers have one processor or two")
"""TDP of a server whose file names the processor only, as a multiple of the processor's."""

TDP_W_PER_THREAD = Range(2.0, 8.0, GUESSED_TDP["4_w_per_thread"].source)
ANY_TDP_W = Range(6.0, 350.0, GUESSED_TDP["85_w"].source)
"""TDP of a processor that no table has: W for each thread, and W where their number is not known either."""

GENERIC_TDP_W = 85.0
"""What CodeCarbon assumes of a processor that it does not know, W."""

IDLE_SHARE = 0.075
"""Least power of a processor that has work, as a share of its TDP; see `LOAD_CURVE`."""

COUNTERS = ("rapl", "emi", "power_gadget", "powermetrics", "pmic")
"""Methods that read a counter of the CPU. A virtual machine has none."""

MOST_ESTIMATED_RAM_W, MOST_ESTIMATED_RAM_W_PER_GB = 10.0, 0.625
"""What CodeCarbon's models assume for memory is at most 5 W for a module of 8 GB, or these 10 W where that is more."""

BOARD_TDP_W = Range(3.0, 15.0, "specifications: Cortex-A53 to Cortex-A76 with four to eight cores")
"""TDP of the processor of a single-board computer, W, where CodeCarbon guesses it."""

PROCESS_MODE = Range(0.5, 1.0, "docs/measuring.md: up to a third too high while other Python code is busy")
"""Additional factor of the CPU in tracking mode `process`."""

LOAD_CURVE = (
    # modelled power, lower and upper end of the true power; all as a share of the TDP
    (0.00, 0.000, 0.45),
    (0.10, 0.075, 0.45),
    (0.23, 0.136, 1.00),
    (1.00, 0.500, 1.10),
)
"""True power of a CPU for each power from CodeCarbon's load model. Both curves rise; above idle power, the lower one
is convex and the upper one concave, so that they also bound the mean of a run whose load changes. Source: _PROFILES."""

TURBO = {
    r"core.*\bi[3579]-[2-7]\d{3}\D": Range(
        1.0, 1.35, "specifications: PL2 at 1.25 times the TDP until the 7th generation"
    ),
    r"intel.*core|core.*\bi[3579]\b|core.*ultra": Range(
        1.0, 2.1, "specifications: maximum turbo over base power, such as 253/125 W of an i9-13900K"
    ),
    r"ryzen|athlon": Range(
        1.0, 1.35, "specifications: package power tracking at 1.35 times the TDP (sockets AM4, AM5)"
    ),
}
"""Factor by which a CPU whose name matches may exceed its TDP, on top of the upper curve."""

MOST_THREADS = 256
"""Threads of a large processor. A virtual machine has some of them; the table has the TDP of the whole processor."""

LOSSES = {
    "laptop": Range(1.08, 1.30, "80 PLUS and external power supplies (EU 2019/1782)"),
    "desktop": Range(1.06, 1.22, "80 PLUS; arXiv 2509.22092"),
    "server": Range(1.04, 1.20, "80 PLUS; hubblo-org/scaphandre#201"),
    "board": Range(1.1, 1.45, f"{_PI}; USB power supplies of 80 % (EU 2019/1782)"),
    "gpu_server": Range(1.04, 1.26, "Jay et al. 2023 (10.1109/CCGrid57682.2023.00020)"),
    "virtual": Range(1.04, 1.26, "same as the servers that host it"),
}
"""Power at the wall as a multiple of the components' power (losses that grow with the load), by kind of machine."""

REST_W = {
    "laptop": Range(
        1.25, 12.0, "a laptop of 4 W at the wall, of which a counter reads at most 2.4 W; assumed: 10 W of display"
    ),
    "mini_pc": Range(-1.0, 15.0, f"{_SMALL}; assumed: disks and ports"),
    "board": Range(0.3, 4.0, f"{_PI}; attached devices"),
    "desktop": Range(-1.0, 60.0, f"{_SMALL}; above: as workstations"),
    "workstation": Range(10.0, 60.0, "arXiv 2509.22092; cpu_load_profiling, Threadripper with a Tapo plug"),
    "server": Range(1.0, 130.0, "small servers of 10 W at the wall; hubblo-org/scaphandre#201, #241"),
    "gpu_server": Range(150.0, 350.0, "Jay et al. 2023 (10.1109/CCGrid57682.2023.00020)"),
}
"""Power of the rest of the machine that does not grow with the load, W; below 0 where idle counters read too much."""

REST_W_PER_VIRTUAL_CPU = Range(0.0, 4.0, "the rest of a server, shared by at least 32 logical CPUs")
"""A virtual machine's share of the rest of its host, W per virtual CPU."""

IDLE_GPU_W = Range(5.0, 45.0, "arXiv 2509.22092")
IDLE_SXM_GPU_W = Range(30.0, 90.0, "Jay et al. 2023 (10.1109/CCGrid57682.2023.00020)")
"""Power of an unmeasured GPU, W each; SXM modules draw more when idle than cards."""

UNMEASURED_RAM_W_PER_GB = Range(0.0, 0.4, _DIMM)
COMMON_RAM_GB, BOARD_RAM_GB = 64.0, 16.0
"""Power of unmeasured memory, W/GB; and the size assumed where it is not known, GB; no board has more."""

INTENSITY = {
    "configured": Range(1.0, 1.0, "as configured"),
    "electricity_maps": Range(0.9, 1.1, _NO_DATA),
}
AVERAGE_INTENSITY = Range(0.45, 1.6, "Wiesner et al. 2021 (10.1145/3464298.3493399): half-hourly against yearly")
"""Carbon intensity of some hours as a multiple of the yearly average of the same place."""


@dataclass(frozen=True)
class Interval:
    """Interval of an energy, kWh."""

    low_kwh: float
    high_kwh: float

    def quality(self, energy_kwh: float) -> Quality | None:
        """BoAmps' quality level of a published energy, from the most that it may err in this interval.

        Args:
            energy_kwh: what is published, kWh.

        Returns:
            The level; None where it may err by more than half of itself.
        """
        error_kwh = max(energy_kwh - self.low_kwh, self.high_kwh - energy_kwh)
        return next((level for level, share in QUALITY_WITHIN.items() if error_kwh <= share * energy_kwh), None)


def narrowed(calibrated: Interval, estimate_kwh: float, model: Interval | None) -> Interval:
    """What a calibration leaves of the interval of the model; where the two contradict each other, the calibration.

    Args:
        calibrated: the interval of the calibration.
        estimate_kwh: its estimate, kWh.
        model: the interval of the model.
    """
    if model is None or not model.low_kwh <= estimate_kwh <= model.high_kwh:
        return calibrated
    return Interval(max(calibrated.low_kwh, model.low_kwh), min(calibrated.high_kwh, model.high_kwh))


@dataclass(frozen=True)
class Line:
    """A CPU's energy: `factor` times the measured energy, plus the energy of a constant power, W."""

    factor: float
    constant_w: float = 0.0


@dataclass(frozen=True)
class Coefficients:
    """The model for given methods and a given machine: all its inputs except energies and duration.

    Attributes:
        cpu_low: lines of the lower end of the CPU's energy: the lower of the first and the higher of the others.
        cpu_high: lines of the upper end: the higher of the first and the lower of the others.
        gpu: factor of the GPUs' energy.
        ram: factor of the memory's energy.
        total_low: lines of the lower end of a total whose parts are not known, of which the higher counts.
        total_high: lines of its upper end, of which the lower counts.
        losses: factor of all energies.
        rest_w: power of the rest of the machine, W.
        missing_gpu_w: what to add to it where the energy of the GPUs is not known, W.
        missing_ram_w: what to add to it where the energy of the memory is not known, W.
    """

    cpu_low: tuple[Line, Line, Line]
    cpu_high: tuple[Line, Line, Line]
    gpu: Range
    ram: Range
    total_low: tuple[Line, Line]
    total_high: tuple[Line, Line]
    losses: Range
    rest_w: Range
    missing_gpu_w: Range
    missing_ram_w: Range


class Machine(TypedDict, total=False):
    """What is known of a machine and of the measurement; each value that is given narrows the interval.

    Attributes:
        machine_kind: kind of the machine, as its firmware reports it; by default inferred from CPU and GPUs.
        cpu_model: name of the CPU.
        cpu_count: number of logical CPUs.
        cpu_tdp_w: TDP of all CPUs that the method `cpu_load` assumes, W.
        cpu_tdp_source: `table` if the TDP is that of this CPU; `table_of_processors` if it is that of one processor
            of a machine that may have two; any other value means that the TDP is a guess.
        gpu_model: name of the GPUs.
        gpu_count: number of GPUs in the machine.
        gpu_tracked_count: number of GPUs whose energy is measured; default: all, if an energy of GPUs is given.
        ram_gb: memory, GiB.
        tracking_mode: `machine`, or `process`, where the lower end includes nothing of the rest of the machine.
    """

    machine_kind: str | None
    cpu_model: str | None
    cpu_count: int | None
    cpu_tdp_w: float | None
    cpu_tdp_source: str | None
    gpu_model: str | None
    gpu_count: int | None
    gpu_tracked_count: int | None
    ram_gb: float | None
    tracking_mode: str | None


def interval(
    energies_kwh: Mapping[str, float | None],
    methods: Mapping[str, str | None],
    duration_s: float,
    *,
    pue: float = 1.0,
    cpu_gap_s: float = 0.0,
    gpu_gap_s: float = 0.0,
    **machine: Unpack[Machine],
) -> Interval | None:
    """Compute the interval of the energy that a machine drew at the wall from measured energies.

    Args:
        energies_kwh: energy of `cpu`, `gpu` and `ram`, kWh; None or absent where it was not measured. If only the sum
            of the parts is known, `total`: the range that covers the factors of CPU and GPU is applied to all of it.
        methods: method of each part, such as `rapl`, `cpu_load`, `nvml_counter`, `estimated`; any other is unknown.
        duration_s: duration, seconds.
        pue: power usage effectiveness included in the energies; the interval includes it too.
        cpu_gap_s: time in which the energy of the CPUs is not known, or is estimated, seconds: between nothing and the
            most that they can draw.
        gpu_gap_s: the same for the GPUs.
        **machine: what is known of the machine, see `Machine`.

    Returns:
        The interval, which contains the measured energy itself; None if neither the CPU's energy nor a total is known.

    Raises:
        ValueError: an energy or the duration is negative or not finite, or the PUE is below 1 or not finite.
    """
    energy = {part: _checked(f"energies_kwh[{part!r}]", energies_kwh.get(part)) for part in (*UNKNOWN_METHOD, "total")}
    seconds = _checked("duration_s", duration_s)
    if not 1 <= pue < math.inf:
        raise ValueError(f"pue is {pue}; it must be a finite number of at least 1")
    if seconds is None or (energy["cpu"] is None and energy["total"] is None):
        return None
    model, kwh_per_w = coefficients(methods, **machine), seconds / J_PER_KWH * pue
    if not (cpu_gap_s or gpu_gap_s) or not seconds:
        return apply(model, energy, kwh_per_w)
    least, most = dict(energy), dict(energy)
    cpu_w = cpu_limit_w(machine.get("cpu_model"), machine.get("cpu_count"), machine.get("cpu_tdp_w"))
    gpu_w = max(ANY_GPU_W, gpu_limit_w(machine.get("gpu_model"), machine.get("gpu_count")))
    for part, gap_s, limit_w in (("cpu", cpu_gap_s, cpu_w), ("gpu", gpu_gap_s, gpu_w)):
        known = energy[part]
        if known is not None:
            least[part] = known * max(1 - gap_s / seconds, 0.0)
            most[part] = known + max(limit_w * pue / J_PER_KWH, 2 * known / seconds) * gap_s
    return Interval(apply(model, least, kwh_per_w).low_kwh, apply(model, most, kwh_per_w).high_kwh)


def apply(model: Coefficients, energy: Mapping[str, float | None], kwh_per_w: float) -> Interval:
    """Apply coefficients to energies.

    Args:
        model: the coefficients.
        energy: energies of `cpu`, `gpu`, `ram` and `total`, kWh; that of the CPU or the total is known.
        kwh_per_w: energy of a constant power of 1 W over the duration, kWh, PUE included.
    """
    cpu, gpu, ram, total = (energy.get(part) for part in ("cpu", "gpu", "ram", "total"))
    known = (cpu or 0.0) + (gpu or 0.0) + (ram or 0.0)
    # A total that is that of the known parts says nothing of a missing one.
    holds_more = total is not None and abs(total - known) > ROUNDED * total
    if cpu is None or (holds_more and (gpu is None or ram is None)):
        known = total or 0.0
        rest_low_w, rest_high_w = model.rest_w.low, model.rest_w.high
        low = max(line.factor * known + line.constant_w * kwh_per_w for line in model.total_low)
        high = min(line.factor * known + line.constant_w * kwh_per_w for line in model.total_high)
    else:
        if total is not None and (gpu is None or ram is None or abs(total - known) <= 1e-6 * total):
            known = total  # as the file rounds it
        missing = [w for w, part in ((model.missing_gpu_w, gpu), (model.missing_ram_w, ram)) if part is None]
        rest_low_w = model.rest_w.low + sum(range_w.low for range_w in missing)
        rest_high_w = model.rest_w.high + sum(range_w.high for range_w in missing)
        lows, highs = (
            [line.factor * cpu + line.constant_w * kwh_per_w for line in lines]
            for lines in (model.cpu_low, model.cpu_high)
        )
        low = min(lows[0], max(lows[1:])) + model.gpu.low * (gpu or 0.0) + model.ram.low * (ram or 0.0)
        high = max(highs[0], min(highs[1:])) + model.gpu.high * (gpu or 0.0) + model.ram.high * (ram or 0.0)
    low *= model.losses.low
    return Interval(
        low_kwh=min(max(low + rest_low_w * kwh_per_w, 0.7 * low), known),
        high_kwh=min(max(model.losses.high * high + rest_high_w * kwh_per_w, known), HIGHEST_KWH),
    )


def coefficients(methods: Mapping[str, str | None], **machine: Unpack[Machine]) -> Coefficients:
    """Look up the coefficients for methods and a machine.

    Args:
        methods: as for `interval`.
        **machine: what is known of the machine, see `Machine`.
    """
    cpu_model, gpu_count, ram_gb = machine.get("cpu_model"), machine.get("gpu_count"), machine.get("ram_gb")
    kind = kind_of(machine.get("machine_kind"), cpu_model, gpu_count, methods.get("cpu"))
    factor = {part: FACTORS.get(methods.get(part) or "", UNKNOWN_METHOD[part]) for part in UNKNOWN_METHOD}
    if methods.get("cpu") == "cpu_load" and not machine.get("cpu_tdp_w") and machine.get("cpu_tdp_source") is None:
        factor["cpu"] = _unknown_tdp(cpu_model, machine.get("cpu_count"))
    elif methods.get("cpu") in ("cpu_load", "constant"):
        factor["cpu"] = _times(factor["cpu"], _guess(kind, machine))
    if factor["ram"] is FACTORS["estimated"]:
        factor["ram"] = ESTIMATED_RAM.get(kind or "", factor["ram"])
    losses, rest = _losses(kind), _rest_w(kind, machine.get("cpu_count"))
    if machine.get("machine_kind") is None and kind != "board" and methods.get("cpu") not in COUNTERS:
        # Whatever its parts are, it may be a virtual machine.
        losses = losses.hull(LOSSES["virtual"])
        rest = rest.hull(_rest_w("virtual", machine.get("cpu_count")))
    is_sxm = re.search(r"SXM|HGX|V100|A100|H100|H200|B200", machine.get("gpu_model") or "", re.I)
    idle, ram_w_per_gb = IDLE_SXM_GPU_W if is_sxm else IDLE_GPU_W, UNMEASURED_RAM_W_PER_GB
    if machine.get("tracking_mode") == "process":
        factor["cpu"] = _times(factor["cpu"], PROCESS_MODE)
        rest, idle, ram_w_per_gb = (Range(min(w.low, 0.0), w.high, w.source) for w in (rest, idle, ram_w_per_gb))
    untracked, all_untracked = (
        _unmeasured_gpus(gpu_count, machine.get("gpu_tracked_count"), is_measured) for is_measured in (True, False)
    )
    rest = _plus(rest, idle, untracked)
    nothing = Range(0.0, 0.0, "")
    missing_gpu = _plus(nothing, idle, all_untracked - untracked)
    if gpu_count is None and kind != "board":
        missing_gpu = Range(0.0, idle.high, idle.source)  # GPUs were not probed: there may be one
    if ram_gb is None:
        ram_gb = BOARD_RAM_GB if kind == "board" else COMMON_RAM_GB
    missing_ram = _plus(nothing, ram_w_per_gb, ram_gb)
    low, high = _cpu_lines(methods.get("cpu"), factor["cpu"], kind, machine)
    total_low, total_high = _total_lines(methods.get("cpu"), factor, kind, machine, ram_gb)
    return Coefficients(
        low,
        high,
        factor["gpu"],
        factor["ram"],
        total_low,
        total_high,
        losses,
        rest,
        missing_gpu,
        missing_ram,
    )


def quality_of(part: str, method: str | None, cpu_tdp_source: str | None = None) -> Quality | None:
    """Quality level of one component's energy, without losses and the rest of the machine.

    Args:
        part: `cpu`, `gpu` or `ram`.
        method: method of measurement.
        cpu_tdp_source: source of the TDP, as for `interval`.

    Returns:
        The quality level; None where nothing is measured, or the value may err by more than half of itself.
    """
    if method in (None, "none"):
        return None
    model = coefficients({part: method}, cpu_tdp_source=cpu_tdp_source or "table")
    if part == "cpu":
        return Interval(model.cpu_low[0].factor, model.cpu_high[0].factor).quality(1.0)
    factor = model.gpu if part == "gpu" else model.ram
    return Interval(factor.low, factor.high).quality(1.0)


def anywhere_g_per_kwh() -> Range:
    """Carbon intensity where the country is not known, gCO2eq/kWh."""
    low, high = grid.percentiles_of_countries()
    year = grid.world_average().year
    return Range(low, high, f"CodeCarbon's global_energy_mix.json, {year}: 5th to 95th percentile of the countries")


def intensity_range(
    source: str, country_iso_code: str | None = None, region: str | None = None
) -> tuple[Range, Range | None]:
    """Find what bounds the carbon intensity of a run; the view core.run applies the same.

    Args:
        source: source of the intensity, as in `intensity_source`.
        country_iso_code: country of the run, two letters.
        region: region within the country.

    Returns:
        Multiples of the intensity that was used; and intensities that are possible whatever was used, gCO2eq/kWh: those
        of the region, over the life cycle as well, or of all regions if the region is not known.
    """
    # CodeCarbon computes with the world's average where its data lack the country; a file may not name the country.
    is_anywhere = source == "csv" and (country_iso_code is None or grid.country_average(country_iso_code) is None)
    if is_anywhere or source == "world_average":
        return Range(1.0, 1.0, ""), anywhere_g_per_kwh()
    factor = INTENSITY.get(source, AVERAGE_INTENSITY)
    if source not in ("country_average", "region_average", "csv"):
        return factor, None
    found = grid.find_region(country_iso_code, region)
    regions = [found] if found else grid.regions(country_iso_code).values()
    published = [g for each in regions for g in (each.g_per_kwh, each.life_cycle_g_per_kwh) if g is not None]
    return factor, Range(factor.low * min(published), factor.high * max(published), "") if published else None


def intensity_interval(
    g_per_kwh: float | None, source: str, country_iso_code: str | None = None, region: str | None = None
) -> tuple[float, float] | None:
    """Compute the interval of the carbon intensity of a run.

    Args:
        g_per_kwh: the intensity that was used, gCO2eq/kWh.
        source: as for `intensity_range`.
        country_iso_code: as for `intensity_range`.
        region: as for `intensity_range`.

    Returns:
        Both ends, gCO2eq/kWh; None if the intensity is not known.
    """
    if g_per_kwh is None:
        return None
    factor, possible = intensity_range(source, country_iso_code, region)
    low, high = factor.low * g_per_kwh, factor.high * g_per_kwh
    return (min(low, possible.low), max(high, possible.high)) if possible else (low, high)


def _checked(name: str, value: float | None) -> float | None:
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value}; it must be a finite number of at least 0")
    return value


def _tdp_range(kind: str | None, machine: Machine) -> Range:
    """Range of the TDP factor of a machine; a virtual machine may have only some threads of a large processor."""
    tdp = _times(_guess(kind, machine), _turbo(machine.get("cpu_model")))
    is_guest = machine.get("machine_kind") == "virtual" and machine.get("cpu_tdp_source") == "table"
    # An imported row does not say whether it is of a guest; where it has a counter, its TDP does not matter.
    may_be_guest = machine.get("cpu_tdp_source") == "table_of_processors" and kind in ("server", "gpu_server")
    if is_guest or may_be_guest:
        tdp = _times(tdp, Range(min(1.0, (machine.get("cpu_count") or 1) / MOST_THREADS), 1.0, ""))
    return tdp


def _guess(kind: str | None, machine: Machine) -> Range:
    """True TDP as a multiple of the one that was assumed."""
    source, tdp_w = machine.get("cpu_tdp_source"), machine.get("cpu_tdp_w")
    if source == "table_of_processors" and kind in ("server", "gpu_server"):
        return PROCESSORS
    if source in (None, "table", "table_of_processors"):
        return Range(1.0, 1.0, "")
    if kind == "board" and tdp_w and tdp_w >= 1:
        return Range(BOARD_TDP_W.low / tdp_w, BOARD_TDP_W.high / tdp_w, BOARD_TDP_W.source)
    return GUESSED_TDP.get(str(source), GUESSED_TDP["85_w"])


def _turbo(cpu_model: str | None) -> Range:
    turbo = (limits for name, limits in TURBO.items() if re.search(name, cpu_model or "", re.I))
    return next(turbo, Range(1.0, 1.0, ""))


def _unknown_tdp(cpu_model: str | None, cpu_count: int | None) -> Range:
    """Factor of the load model where the TDP that it assumed is not known: from the curves, for any guess."""
    lowest = min((cpu_count or 1) / MOST_THREADS, *(guess.low for guess in GUESSED_TDP.values()))
    highest = max(guess.high for guess in GUESSED_TDP.values()) * _turbo(cpu_model).high
    least = min((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(LOAD_CURVE))
    return Range(least * min(1.0, lowest), FACTORS["cpu_load"].high * highest, _PROFILES)


def _true_tdp_w(kind: str | None, machine: Machine) -> Range:
    """TDP of all CPUs, W, turbo included."""
    tdp_w = machine.get("cpu_tdp_w")
    if tdp_w:
        return _times(Range(tdp_w, tdp_w, ""), _tdp_range(kind, machine))
    count = machine.get("cpu_count")
    found = _times(Range(count, count, ""), TDP_W_PER_THREAD) if count else ANY_TDP_W
    return _times(found, _turbo(machine.get("cpu_model")))


def _cpu_lines(
    method: str | None, factor: Range, kind: str | None, machine: Machine
) -> tuple[tuple[Line, Line, Line], tuple[Line, Line, Line]]:
    """Lines of both ends of the CPU's energy: those of the load curve, constants, or three times the factor."""
    tdp_w = machine.get("cpu_tdp_w") or 0.0
    tdp = _tdp_range(kind, machine)
    lows, highs = (
        [
            Line(times * slope, times * (a[end] - slope * a[0]) * tdp_w)
            for a, b in pairwise(LOAD_CURVE)
            for slope in [(b[end] - a[end]) / (b[0] - a[0])]
        ]
        for end, times in ((1, tdp.low), (2, tdp.high))
    )
    is_process = machine.get("tracking_mode") == "process"
    if method == "constant" and not is_process:
        true_w = _true_tdp_w(kind, machine)
        lows, highs = [Line(0.0, IDLE_SHARE * true_w.low)] * 3, [Line(0.0, true_w.high)] * 3
    elif is_process or (method in FACTORS and (method != "cpu_load" or tdp_w <= 0)):
        lows, highs = [Line(factor.low)] * 3, [Line(factor.high)] * 3
    elif (
        method not in FACTORS and tdp_w > 0
    ):  # up to the TDP, the load model is the one that errs most; beyond, a counter
        # Above the TDP it may also be the load model with too many processors.
        counted, least = FACTORS["rapl"].high, LOAD_CURVE[-1][1]
        lows = [Line(0.0, least * tdp_w), Line(least), Line(least)]
        highs[2] = Line(counted, (tdp.high - counted * LOAD_CURVE[2][0]) * tdp_w)
    elif method not in FACTORS:
        limit = Line(FACTORS["rapl"].high, _true_tdp_w(kind, machine).high)
        lows, highs = [Line(factor.low)] * 3, [Line(0.0), Line(factor.high), limit]
    return (lows[0], lows[1], lows[2]), (highs[0], highs[1], highs[2])


def _total_lines(
    method: str | None, factor: Mapping[str, Range], kind: str | None, machine: Machine, ram_gb: float
) -> tuple[tuple[Line, Line], tuple[Line, Line]]:
    """Lines of both ends of a total: the range of the factors of CPU and GPU. Where the method of the CPU is not known,
    whatever part of the total is the CPU's: true and read energy differ by no more than a processor can draw.
    """
    widest, counted = factor["cpu"].hull(factor["gpu"]), FACTORS["rapl"]
    low, high = Line(widest.low), Line(widest.high)
    is_gpu_counted = counted.low <= factor["gpu"].low and factor["gpu"].high <= counted.high
    if method in FACTORS or not is_gpu_counted:
        return (low, low), (high, high)
    ram_w = max(MOST_ESTIMATED_RAM_W, MOST_ESTIMATED_RAM_W_PER_GB * ram_gb)
    true_w = _true_tdp_w(kind, machine).high
    assumed_w = max(machine.get("cpu_tdp_w") or 0.0, GENERIC_TDP_W)
    below_w = (counted.low - LOAD_CURVE[3][1]) * max(true_w, assumed_w) + counted.low * ram_w
    above_w = true_w + factor["ram"].high * ram_w
    return (low, Line(counted.low, -below_w)), (high, Line(counted.high, above_w))


def _losses(kind: str | None) -> Range:
    kind = {"mini_pc": "laptop", "workstation": "desktop"}.get(kind or "", kind)
    if kind in LOSSES:
        return LOSSES[kind]
    return LOSSES["laptop"].hull(LOSSES["desktop"]).hull(LOSSES["server"])


def _rest_w(kind: str | None, cpu_count: int | None) -> Range:
    if kind == "virtual":
        return _plus(Range(0.0, 0.0, ""), REST_W_PER_VIRTUAL_CPU, cpu_count or 32)
    return REST_W.get(kind or "") or REST_W["laptop"].hull(REST_W["desktop"]).hull(REST_W["server"])


def _unmeasured_gpus(count: int | None, tracked: int | None, is_measured: bool) -> int:
    if not count:
        return 0
    return max(0, count - (tracked if tracked is not None else count if is_measured else 0))


def _plus(base: Range, each: Range, times: float) -> Range:
    return Range(base.low + each.low * times, base.high + each.high * times, f"{base.source}; {each.source}")


def _times(one: Range, other: Range) -> Range:
    return Range(one.low * other.low, one.high * other.high, f"{one.source}; {other.source}")
