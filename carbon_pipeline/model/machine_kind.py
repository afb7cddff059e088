"""Kinds of machine, which differ in the power that is not measured: mainboard, fans, power supply."""

import re
from typing import Literal

MachineKind = Literal["laptop", "desktop", "server", "virtual", "board", "mini_pc", "workstation", "gpu_server"]
"""`virtual` is a virtual machine, `board` a single-board computer. The last three follow from the parts: a `mini_pc`
has a processor of 6 to 15 W, a `workstation` a graphics card, and a `gpu_server` is built for GPUs."""

GPU_SERVER_FROM = 4
"""Number of GPUs from which a machine is a `gpu_server`, whose boards, fans and links draw the power in `REST_W`."""

BOARD = r"raspberry|orange pi|banana pi|nanopi|odroid|radxa|rock ?pi|khadas|pine64|beaglebone|cortex-a\d|bcm2\d|rk3\d"
"""Names of single-board computers and of their processors."""

LOW_POWER_CPU = r"\batom\b|\b[jn]\d{4}\b|\bn\d{2,3}\b"
"""Names of Intel's Atom, Celeron J and N, Pentium J and N, and N100 to N305."""

WITHOUT_GRAPHICS = r"threadripper"
"""Names of desktop processors that need a graphics card."""


def kind_of(
    by_firmware: str | None, cpu_model: str | None, gpu_count: int | None, cpu_method: str | None = None
) -> str | None:
    """The kind of a machine, as its firmware reports it or inferred from its parts, which the firmware does not report.

    Args:
        by_firmware: `laptop`, `desktop`, `server`, `virtual` or `board`; None if it was not queried.
        cpu_model: name of the CPU.
        gpu_count: number of GPUs.
        cpu_method: method of measurement; `pmic` is that of a Raspberry Pi.
    """
    model, gpus = cpu_model or "", gpu_count or 0
    kind = "board" if cpu_method == "pmic" else by_firmware or kind_from_parts(cpu_model, gpu_count)
    if kind == "server" and gpus >= GPU_SERVER_FROM:
        return "gpu_server"
    if kind == "desktop" and (gpus or re.search(WITHOUT_GRAPHICS, model, re.I)):
        return "workstation"
    return "mini_pc" if kind in ("desktop", "server") and re.search(LOW_POWER_CPU, model, re.I) else kind


def kind_from_parts(cpu_model: str | None, gpu_count: int | None) -> MachineKind | None:
    """The kind of a machine, inferred from its CPU and GPUs where its firmware was not queried.

    Returns:
        `gpu_server`, `server`, `laptop`, `desktop` or `board`; None if it cannot be inferred.
    """
    model = cpu_model or ""
    if (gpu_count or 0) >= GPU_SERVER_FROM:
        return "gpu_server"
    if re.search(BOARD, model, re.I):
        return "board"
    if re.search(r"xeon|epyc|opteron|neoverse|graviton|ampere|altra|power\d+", model, re.I):
        return "server"
    if re.search(
        r"\b(i[3579]|ultra [3579]|ryzen \d)\b.*\d+\s?(u|y|h|hs|hx|hk|hq|g\d|p|v)\b|mobile|apple m\d", model, re.I
    ):
        return "laptop"
    return "desktop" if re.search(r"\bcore\b|ryzen|threadripper|pentium|celeron|athlon", model, re.I) else None
