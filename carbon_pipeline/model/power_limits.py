"""The most power that hardware can draw, W, without PUE and power supply losses.

Upper limits, not typical power: their purpose is to detect energies in the wrong unit. Unknown hardware gets a generous
limit.
"""

import re
from functools import lru_cache

CPU_W = 100.0
"""Constant part of the maximum power of a processor, W. Specifications: with SMT off, an AMD EPYC 9175F has a TDP of
320 W and 16 logical CPUs, an EPYC 72F3 180 W and 8."""

W_PER_LOGICAL_CPU = 15.0
"""Maximum power per logical CPU, W. Specifications: AMD Ryzen 5 7600X, 142 W, 12 threads: 12 W; EPYC 72F3, 180 W,
16 threads: 11 W; Intel i9-13900K, 253 W, 32 threads: 8 W."""

TIMES_TDP = 2.5
"""Maximum power as a multiple of the TDP of one processor: two sockets at up to 1.25 times their TDP, or one desktop
processor in turbo mode, such as an Intel i9-13900K (253/125 W). It matters where a virtual machine or a batch job has
only some of the logical CPUs whose power its meter reads or models."""

ANY_CPU_TDP_W = 500.0
"""TDP of a processor where it is not known, W: the largest in CodeCarbon's table, of an AMD EPYC 9965 and others."""

ANY_CPU_COUNT = 768
"""Logical CPUs of a machine where their number is not known: two AMD EPYC 9965 with 384 threads each."""

MOST_PACKAGE_W = TIMES_TDP * ANY_CPU_TDP_W
"""The most that any package of processors can draw, W: a step of its counter beyond that is an error."""

GPU_W = {
    r"\bT4\b": 70, r"\bL4\b": 72, r"\bP4\b": 75, r"\bA2\b": 60, r"\bA10\b": 150, r"\bK80\b": 300, r"\bP100\b": 300,
    r"\bV100": 350, r"\bA100\b": 500, r"\bH100\b": 700, r"\bH200\b": 700, r"\bL40": 350, r"\bRTX 4090\b": 600,
    r"\bGTX 1080 Ti\b": 350, r"\bGTX 1080\b": 280, r"\bMI250": 560, r"\bMI300": 760,
}  # fmt: skip
"""Maximum board power of common GPUs, W, from the manufacturers' data sheets, including factory overclocking."""

ANY_GPU_W = 1500.0
"""Maximum board power of any other GPU, W: an NVIDIA B300 draws up to 1400 W."""

MOST_BOARD_W = 2 * ANY_GPU_W
"""The most that any GPU board can draw for a sampling interval, W: a step of its counter beyond that is an error."""

ANY_GPU_COUNT = 16
"""GPUs of a machine where their number is not known: an NVIDIA DGX-2 has 16."""

RAM_W, W_PER_GB = 50.0, 1.0
"""Maximum power of memory: a constant, W, and W per GB. Modules draw 3 to 5 W for 8 GB and more."""

ANY_RAM_GB = 2048.0
"""Memory of a machine where its size is not known, GB: an NVIDIA DGX H100 has 2 TB."""


def cpu_limit_w(cpu_model: str | None, cpu_count: int | None, cpu_tdp_w: float | None = None) -> float:
    """The most that the processors of a machine can draw, W.

    Args:
        cpu_model: name of the processor; None if it is not known, which makes its TDP unknown as well.
        cpu_count: number of logical CPUs; None if it is not known.
        cpu_tdp_w: TDP of one processor of that name, W; None if it is not known.
    """
    count = ANY_CPU_COUNT if cpu_count is None else cpu_count
    tdp_w = ANY_CPU_TDP_W if cpu_model is None or cpu_tdp_w is None else cpu_tdp_w
    return max(CPU_W + W_PER_LOGICAL_CPU * count, TIMES_TDP * tdp_w)


def gpu_limit_w(gpu_model: str | None, gpu_count: int | None) -> float:
    """The most that the GPUs of a machine can draw, W.

    Args:
        gpu_model: name of the GPUs, or several names, with or without numbers, as CodeCarbon writes them:
            `2 x NVIDIA A100-SXM4-40GB, 1 x Tesla T4`. Each GPU may draw what the most powerful of them can.
        gpu_count: number of GPUs; None if it is not known, or only from the names.
    """
    numbers = [int(number) for number in re.findall(r"(?:^|,)\s*([1-9][0-9]{0,3}) x ", gpu_model or "")]
    count = ANY_GPU_COUNT if gpu_count is None and not numbers else max(gpu_count or 0, sum(numbers))
    return count * max(map(_board_w, (gpu_model or "").split(",")))


def ram_limit_w(ram_gb: float | None) -> float:
    """The most that the memory of a machine can draw, W.

    Args:
        ram_gb: size of the memory, GB; None if it is not known.
    """
    return RAM_W + W_PER_GB * (ANY_RAM_GB if ram_gb is None else ram_gb)


@lru_cache(maxsize=1000)
def _board_w(name: str) -> float:
    return next((watts for pattern, watts in GPU_W.items() if re.search(pattern, name)), ANY_GPU_W)
