"""Which operating system this is."""

import platform
from typing import NamedTuple


class OperatingSystem(NamedTuple):
    """An operating system.

    Attributes:
        os: its name: Linux, Darwin (macOS) or Windows.
        distribution: its distribution, such as Debian GNU/Linux; None where it has none.
        distribution_version: version of the distribution.
    """

    os: str
    distribution: str | None = None
    distribution_version: str | None = None


def probe_operating_system() -> OperatingSystem:
    """Reads it from Python, which reads `/etc/os-release` on Linux (freedesktop.org).

    Returns:
        What is known.
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
