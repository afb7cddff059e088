"""What a row of a CodeCarbon file gives away about how its energies were obtained; the file itself does not say it.

The clues are those of all rows of one machine, version and mode. Which one holds for a row depends on its power; the
macro `core.cpu_method_of` of the warehouse applies them. A counter is only inferred where CodeCarbon cannot have
computed the number in another way: what is inferred falsely has the wider interval.

Source: CodeCarbon's own code (`core/cpu.py`, `core/resource_tracker.py`, `external/hardware.py`).
"""

import re
from dataclasses import dataclass

from carbon_pipeline.model.interval import GENERIC_TDP_W

CONSTANT_SHARE = 0.5
"""The share of the TDP that CodeCarbon's constant mode takes for the mean power."""

W_PER_THREAD = 4.0
"""TDP for each thread that CodeCarbon guesses for a processor that its table does not have, W."""

LOAD_MODEL_FROM = (2, 7)
"""The first version that may have the load model. Versions before that have counters and constants only."""

FLOOR_FROM = (3, 0)
"""The first version whose load model gives TDP x (0.1 + 0.9 x load^3), or linear in the load, in machine mode."""

NO_POWERMETRICS_FROM = (3, 3)
"""From this version on, CodeCarbon models the power of Apple's processors with its generic TDP."""

EMI_FROM = (3, 3)
"""The first version that reads Windows' Energy Meter Interface."""

NVIDIA = r"nvidia|tesla|geforce|quadro|\brtx|\bgtx|titan|\b[VATLHB]\d{1,3}\b"
WITHOUT_COUNTER = (
    r"\b(GTX|GT|GTS) ?\d{1,3}\b|GTX ?(9|10)\d\d|titan (x|z|xp|black)\b|gtx titan|\b[PMK]\d{1,4}\b|\bMX ?[1-3]\d\d"
    r"|quadro [PMK]|geforce \d{3}M?\b"
)
"""NVIDIA's GPUs before Volta, which have no energy counter (NVML reference)."""

AMD_GPU = r"\b(amd|radeon|instinct)\b"


@dataclass(frozen=True)
class Clues:
    """What the power of a row tells.

    Attributes:
        counter: the counter that this system has, as a method; None where none can be inferred.
        constants_w: powers that CodeCarbon takes for the mean without looking, W.
        loads_w: powers that its load model may take for full load, W; empty where the version has no such model.
        has_floor: whether that model is at least a tenth of it, and the power is related to the load.
    """

    counter: str | None
    constants_w: tuple[float, ...]
    loads_w: tuple[float, ...]
    has_floor: bool


def clues_of(
    codecarbon_version: str | None,
    os: str | None,
    cpu_model: str | None,
    cpu_count: int | None,
    cpu_tdp_w: float | None,
    gpu_model: str | None,
    tracking_mode: str | None,
    *,
    is_recent: bool = False,
    is_cloud: bool = False,
) -> Clues:
    """Collect the clues about the CPU's energy in the rows of one machine, version and mode.

    Args:
        codecarbon_version: version of CodeCarbon; files before 2.2 do not have it.
        os: operating system, as CodeCarbon writes it.
        cpu_model: name of the CPU.
        cpu_count: number of logical CPUs.
        cpu_tdp_w: TDP of this CPU in CodeCarbon's table, W.
        gpu_model: name of the GPUs.
        tracking_mode: `machine` or `process`.
        is_recent: whether the file has columns of recent versions, so that one without a version is not an old one.
        is_cloud: whether it is a machine of a cloud, whose guests have no counters.
    """
    version = version_of(codecarbon_version)
    is_known = version is not None or not (is_recent or cpu_model is None)
    version = version or (2, 0)
    is_apple = bool(re.search(r"\bapple m\d|^apple", cpu_model or "", re.I))
    guesses = [GENERIC_TDP_W, *([W_PER_THREAD * cpu_count] if cpu_count else [])]
    processors = _processors(os, cpu_model, cpu_count)
    assumed = [cpu_tdp_w * number for number in processors] if cpu_tdp_w else [GENERIC_TDP_W] if is_apple else guesses
    if not cpu_tdp_w and not is_apple and cpu_model and cpu_count and is_known and version >= FLOOR_FROM:
        assumed = [guesses[1] * number for number in processors]  # the generic one is for processors without a name
    may_be_modelled = not is_known or version >= LOAD_MODEL_FROM
    return Clues(
        counter=_counter(version, os, cpu_model, gpu_model) if is_known and not is_cloud else None,
        constants_w=tuple(sorted({CONSTANT_SHARE * tdp_w for tdp_w in (*assumed, *guesses)})),
        loads_w=tuple(assumed) if may_be_modelled else (),
        has_floor=is_known and version >= FLOOR_FROM and tracking_mode == "machine",
    )


def gpu_method_of(codecarbon_version: str | None, gpu_model: str | None) -> str:
    """How the energy of GPUs was obtained.

    Args:
        codecarbon_version: version of CodeCarbon.
        gpu_model: name of the GPUs.

    Returns:
        The method; `unknown` where it may be counted or sampled.
    """
    name = gpu_model or ""
    if re.search("apple", name, re.I):
        return "powermetrics"
    if re.search(AMD_GPU, name, re.I):
        return "amdsmi"
    if re.search(NVIDIA, name, re.I) and not re.search(WITHOUT_COUNTER, name, re.I):
        return "nvml_counter"
    return "unknown"


def version_of(text: str | None) -> tuple[int, int] | None:
    """Major and minor version; None where there is none."""
    found = re.match(r"\D*(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None


def _processors(os: str | None, cpu_model: str | None, cpu_count: int | None) -> list[int]:
    """How many processors CodeCarbon may have counted: a guest may show each of its CPUs as one, Windows each core."""
    most = min(cpu_count or 8, 8)
    if re.search(r"xeon|epyc|opteron", cpu_model or "", re.I):
        return list(range(1, max(most, 2) + 1))
    if (os or "").lower().startswith("windows") and cpu_count:
        return sorted({1, max(cpu_count // 2, 1), cpu_count})
    return [1]


def _counter(version: tuple[int, int], os: str | None, cpu_model: str | None, gpu_model: str | None) -> str | None:
    """The counter that is read on such a system, if any is."""
    system, name = (os or "").lower(), cpu_model or ""
    if re.search("apple", gpu_model or "", re.I):
        return "powermetrics"  # it is found by powermetrics only
    if re.search("apple", name, re.I):
        return None if version >= NO_POWERMETRICS_FROM else "powermetrics"
    if not re.search(r"intel|amd|xeon|epyc|ryzen|\bcore\b", name, re.I):
        return None
    if system.startswith("linux"):
        return "rapl"
    is_intel = bool(re.search(r"intel|xeon|core\(tm\)", name, re.I))
    if system.startswith("windows"):
        return "emi" if version >= EMI_FROM else "power_gadget" if is_intel else None
    return "power_gadget" if system.startswith(("darwin", "macos")) and is_intel else None
