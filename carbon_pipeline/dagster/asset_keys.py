"""Keys of assets as people write them."""

from collections.abc import Sequence

import dagster as dg

Key = str | Sequence[str] | dg.AssetKey


def asset_key(key: Key) -> dg.AssetKey:
    """Make the key of an asset, also from text with its parts joined by `/`."""
    return dg.AssetKey.from_user_string(key) if isinstance(key, str) else dg.AssetKey.from_coercible(key)
