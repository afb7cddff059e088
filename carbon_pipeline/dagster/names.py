"""What the definitions of this package are called, so that nothing collides with what a project has of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

Key = str | Sequence[str] | dg.AssetKey


@dataclass(frozen=True)
class Names:
    """Names of assets, jobs, schedules, sensors and groups.

    Attributes:
        key_prefix: goes before the keys of the assets.
        name_prefix: goes before all other names.

    Example:
        >>> Names(("energy",), "energy_").key("runs").to_user_string()
        'energy/runs'
    """

    key_prefix: tuple[str, ...] = ()
    name_prefix: str = ""

    def key(self, name: str) -> dg.AssetKey:
        """The key of an asset of this package."""
        return dg.AssetKey([*self.key_prefix, name])

    def name(self, name: str) -> str:
        """The name of a job, schedule, sensor or group."""
        return f"{self.name_prefix}{name}"


def asset_key(key: Key) -> dg.AssetKey:
    """Make the key of an asset, also from text with its parts joined by `/`."""
    return dg.AssetKey.from_user_string(key) if isinstance(key, str) else dg.AssetKey.from_coercible(key)
