"""The operating system of this machine."""

import platform
from typing import NamedTuple


class OperatingSystem(NamedTuple):
    """An operating system.

    Attributes:
        os: its name: Linux, Darwin (macOS) or Windows.
        distribution: its distribution, such as Debian GNU/Linux; None if unknown.
        distribution_version: version of the distribution.
    """

    os: str
    distribution: str | None = None
    distribution_version: str | None = None


def probe_operating_system() -> OperatingSystem:
    """Determine the operating system with `platform`, which reads `/etc/os-release` on Linux (freedesktop.org).

    Returns:
        The operating system; fields that cannot be determined are None.
    """
    os = platform.system()
    if os == "Darwin":
        return OperatingSystem(os, "macOS", platform.mac_ver()[0] or None)
    if os == "Windows":
        return OperatingSystem(os, f"Windows {platform.release()}", platform.version() or None)
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return OperatingSystem(os)
    return OperatingSystem(os, release.get("NAME"), release.get("VERSION_ID"))
