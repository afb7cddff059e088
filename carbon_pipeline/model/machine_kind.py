"""Kinds of machine, which differ in the power that is not measured: mainboard, fans, power supply."""

import re
from typing import Literal

MachineKind = Literal["laptop", "desktop", "server", "gpu_server", "virtual"]
"""`virtual` is a virtual machine, `gpu_server` a server built for GPUs."""

GPU_SERVER_FROM = 4
"""Number of GPUs from which a machine is a `gpu_server`, whose boards, fans and links draw the power in `REST_W`."""


def kind_from_parts(cpu_model: str | None, gpu_count: int | None) -> MachineKind | None:
    """The kind of a machine, inferred from its CPU and GPUs where its firmware was not queried.

    Returns:
        `gpu_server`, `server`, `laptop` or `desktop`; None if it cannot be inferred.
    """
    model = cpu_model or ""
    if (gpu_count or 0) >= GPU_SERVER_FROM:
        return "gpu_server"
    if re.search(r"xeon|epyc|opteron|neoverse|graviton|ampere|altra|power\d+", model, re.I):
        return "server"
    if re.search(
        r"\b(i[3579]|ultra [3579]|ryzen \d)\b.*\d+\s?(u|y|h|hs|hx|hk|hq|g\d|p|v)\b|mobile|apple m\d", model, re.I
    ):
        return "laptop"
    return "desktop" if re.search(r"\bcore\b|ryzen|threadripper|pentium|celeron|athlon", model, re.I) else None
