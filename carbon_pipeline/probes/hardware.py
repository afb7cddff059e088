"""The hardware of this machine: CPU, memory, GPUs. Its power is not measured here."""

import platform
import subprocess
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.probes.gpus import probe_gpus
from carbon_pipeline.probes.machine import machine_kind
from carbon_pipeline.probes.sourced import BYTES_PER_GIB, Sourced

_PROC_CPUINFO = Path("/proc/cpuinfo")


class Hardware(BaseModel):
    """The hardware of this machine.

    Attributes:
        cpu_model: name of the CPU.
        cpu_count: number of logical CPUs, as in CodeCarbon.
        cpu_physical_count: number of physical cores.
        ram_gb: main memory, GiB.
        gpu_count: number of GPUs that NVML reports; 0 if it reports none, with the reason.
        gpu_model: name of the GPU, `2 x NVIDIA A100` if there are several.
        gpu_memory_gb: memory of one GPU, GiB.
        gpu_driver: version of the NVIDIA driver.
        machine_kind: `laptop`, `desktop`, `server`, `board` (a single-board computer) or `virtual` (a virtual machine).
    """

    model_config = ConfigDict(frozen=True)

    cpu_model: Sourced[str] = Sourced()
    cpu_count: Sourced[int] = Sourced()
    cpu_physical_count: Sourced[int] = Sourced()
    ram_gb: Sourced[float] = Sourced()
    gpu_count: Sourced[int] = Sourced()
    gpu_model: Sourced[str] = Sourced()
    gpu_memory_gb: Sourced[float] = Sourced()
    gpu_driver: Sourced[str] = Sourced()
    machine_kind: Sourced[str] = Sourced()


@cache
def probe_hardware() -> Hardware:
    """Probe the hardware, once per process.

    Returns:
        The hardware; a value that could not be read is None and has a reason.
    """
    import psutil

    return Hardware(
        cpu_model=cpu_model(),
        cpu_count=_sourced_count(psutil.cpu_count(logical=True)),
        cpu_physical_count=_sourced_count(psutil.cpu_count(logical=False)),
        ram_gb=Sourced(value=psutil.virtual_memory().total / BYTES_PER_GIB, source="psutil"),
        **probe_gpus(),
        machine_kind=machine_kind(),
    )


def cpu_model(system: str | None = None) -> Sourced[str]:
    """Read the name of the CPU on Linux (x86 and Arm), Windows and macOS.

    Args:
        system: operating system, as returned by `platform.system()`; passed only by tests.
    """
    readers = {
        "Linux": (_from_proc_cpuinfo, _from_lscpu, _from_device_tree),
        "Windows": (_from_wmi,),
        "Darwin": (_from_sysctl,),
    }.get(system or platform.system(), ())
    for reader in (*readers, _from_py_cpuinfo):
        try:
            found = reader()
        except Exception:  # noqa: BLE001, S112 - sources fail in different ways; try the next one
            continue
        if found.value:
            return found
    return Sourced(reason="no source on this system provides the CPU model")


def _from_proc_cpuinfo() -> Sourced[str]:
    """Read the CPU model from `/proc/cpuinfo`: x86 and some Arm kernels have a line `model name : ...` for each CPU."""
    with _PROC_CPUINFO.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return Sourced(value=value.strip() or None, source=str(_PROC_CPUINFO))
    return Sourced()


def _from_lscpu() -> Sourced[str]:
    """Read the CPU model from lscpu: on Arm servers the kernel only provides numbers, which lscpu maps to names."""
    for line in _command_output("lscpu").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "Model name" and value.strip() not in ("", "-"):
            return Sourced(value=value.strip(), source="lscpu")
    return Sourced()


def _from_device_tree() -> Sourced[str]:
    """Read the name of an Arm board, such as `Raspberry Pi 4 Model B Rev 1.4`, which is terminated by a NUL."""
    return Sourced(value=Path("/proc/device-tree/model").read_text().strip("\0 \n") or None, source="device tree")


def _from_wmi() -> Sourced[str]:
    import wmi

    return Sourced(value=wmi.WMI().Win32_Processor()[0].Name.strip(), source="wmi")


def _from_sysctl() -> Sourced[str]:
    return Sourced(value=_command_output("sysctl", "-n", "machdep.cpu.brand_string").strip(), source="sysctl")


def _from_py_cpuinfo() -> Sourced[str]:
    """Read the CPU model from py-cpuinfo, which is tried last since it takes more than a second."""
    import cpuinfo

    return Sourced(value=cpuinfo.get_cpu_info().get("brand_raw"), source="py-cpuinfo")


def _command_output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout


def _sourced_count(count: int | None) -> Sourced[int]:
    return Sourced(value=count, source="psutil") if count else Sourced(reason="psutil could not count the CPUs")
