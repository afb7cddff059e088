"""The kinds of machine that differ in what a meter cannot see: mainboard, fans, power supply."""

import re
from typing import Literal

MachineKind = Literal["laptop", "desktop", "server", "gpu_server", "virtual"]
"""`virtual` is a virtual machine; `gpu_server` a server that is built for its GPUs."""

GPU_SERVER_FROM = 4
"""A machine with so many GPUs is built for them: the boards, fans and links of its own draw what REST_W says."""


def kind_from_parts(cpu_model: str | None, gpu_count: int | None) -> MachineKind | None:
    """The kind of a machine as its parts tell it, where its firmware has not been asked.

    Args:
        cpu_model: name of the CPU.
        gpu_count: GPUs in the machine.

    Returns:
        `gpu_server`, `server`, `laptop`, `desktop`; None if nothing tells it.
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
