"""The kind of this machine, on which the unmeasured energy depends (mainboard, fans, power supply)."""

import hashlib
import math
import platform
import re
import subprocess
from functools import cache
from pathlib import Path

from carbon_pipeline.model.machine_kind import BOARD
from carbon_pipeline.probes.sourced import Sourced

_CHASSIS_TYPE = Path("/sys/class/dmi/id/chassis_type")
_DMI = Path("/sys/class/dmi/id")
_PROC_CPUINFO = Path("/proc/cpuinfo")
_DEVICE_TREE_MODEL = Path("/proc/device-tree/model")

# System Management BIOS reference specification (DMTF DSP0134), system enclosure or chassis types.
_LAPTOPS = {8, 9, 10, 11, 14, 30, 31, 32}
_DESKTOPS = {3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36}
_SERVERS = {17, 23, 25, 28, 29}


def machine_kind(system: str | None = None) -> Sourced[str]:
    """Determine the kind of this machine.

    Args:
        system: operating system, as returned by `platform.system()`; passed only by tests.

    Returns:
        `laptop`, `desktop`, `server`, `board` or `virtual` with its source; unknown with a reason.
    """
    reader = {"Linux": _on_linux, "Darwin": _on_macos, "Windows": _on_windows}.get(system or platform.system())
    try:
        found = reader() if reader else Sourced[str]()
    except Exception as error:  # noqa: BLE001 - sources fail in different ways
        return Sourced(reason=f"the machine kind could not be read: {error}")
    return found if found.value else Sourced(reason="the machine kind is not provided by this system")


def _on_linux() -> Sourced[str]:
    """Check for a virtual machine first, since the chassis type in its firmware is not real."""
    with _PROC_CPUINFO.open(encoding="utf-8", errors="replace") as lines:
        flags = next((line.split() for line in lines if line.startswith("flags")), [])
    if "hypervisor" in flags:
        return Sourced(value="virtual", source=str(_PROC_CPUINFO))
    if not _CHASSIS_TYPE.exists() and _DEVICE_TREE_MODEL.exists():  # Arm machines without such firmware
        is_board = re.search(BOARD, _DEVICE_TREE_MODEL.read_text(), re.I)
        return Sourced(value="board" if is_board else None, source="device tree")
    return Sourced(value=_kind_of_chassis(int(_CHASSIS_TYPE.read_text())), source="dmi")


def _on_macos() -> Sourced[str]:
    model = subprocess.run(
        ("sysctl", "-n", "hw.model", "machdep.cpu.brand_string"), capture_output=True, text=True, timeout=5, check=True
    ).stdout
    if "Virtual" in model:
        return Sourced(value="virtual", source="sysctl")
    return Sourced(value="laptop" if "MacBook" in model else "desktop", source="sysctl")


def _on_windows() -> Sourced[str]:
    import wmi

    computer = wmi.WMI()
    if "Virtual" in str(computer.Win32_ComputerSystem()[0].Model):
        return Sourced(value="virtual", source="wmi")
    return Sourced(value=_kind_of_chassis(computer.Win32_SystemEnclosure()[0].ChassisTypes[0]), source="wmi")


def _kind_of_chassis(number: int) -> str | None:
    kinds = {"laptop": _LAPTOPS, "desktop": _DESKTOPS, "server": _SERVERS}
    return next((kind for kind, numbers in kinds.items() if number in numbers), None)


def machine_id(cpu_model: str | None, ram_gb: float | None, configured_id: str | None = None) -> str | None:
    """What this machine is called whenever it is started: its calibration belongs to it.

    Args:
        cpu_model: name of the CPU.
        ram_gb: memory, GiB.
        configured_id: user-provided name of the host, which takes precedence.

    Returns:
        That name, else a hash of CPU, memory, board and version of the BIOS; None where neither is known.
    """
    if configured_id:
        return configured_id
    board = _board()
    if cpu_model is None and not board:
        return None
    parts = [cpu_model, installed_gb(ram_gb), *board]
    return hashlib.sha256(f"carbon_pipeline {parts}".encode()).hexdigest()[:32]


def installed_gb(ram_gb: float | None) -> int | None:
    """The memory that is installed, GiB, of which the system sees a little less, and not always the same.

    Args:
        ram_gb: memory that the system sees, GiB.
    """
    return None if ram_gb is None else math.ceil(ram_gb / 4) * 4 if ram_gb > 4 else math.ceil(ram_gb)


@cache
def _board() -> tuple[str, ...]:
    """Vendor, name and BIOS version of the mainboard, as far as this system tells them."""
    if platform.system() == "Linux":
        paths = [_DMI / name for name in ("board_vendor", "board_name", "bios_version")]
        found = [_text(path) for path in paths] if _DMI.exists() else [_text(_DEVICE_TREE_MODEL)]
        return tuple(text for text in found if text)
    try:
        command = ("sysctl", "-n", "hw.model") if platform.system() == "Darwin" else ("hostname",)
        return (subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip(),)
    except (OSError, subprocess.SubprocessError):
        return ()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
