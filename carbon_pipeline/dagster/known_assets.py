"""A selection of assets that also requires others to be there: Dagster resolves it when it loads a whole project.

https://docs.dagster.io/guides/build/assets/asset-selection-syntax
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

STUB = "dagster/auto_created_stub_asset"
"""What Dagster writes on an asset that is named somewhere and defined nowhere."""


class KnownAssets(dg.AssetSelection):
    """Some assets of this package, and what refers to others."""

    def __init__(self, keys: list[dg.AssetKey], required: Mapping[str, list[dg.AssetKey]]):
        """Look nothing up yet.

        Args:
            keys: the selected assets.
            required: where assets are named, such as `budgets`, and their keys.
        """
        self._keys, self._required = keys, required

    def resolve_inner(self, asset_graph: Any, allow_missing: bool) -> set[dg.AssetKey]:
        """See `AssetSelection`.

        Raises:
            DagsterInvalidDefinitionError: an asset that is required is not there; the message names both.
        """
        known = {key for key in asset_graph.get_all_asset_keys() if STUB not in asset_graph.get(key).metadata}
        for where, keys in self._required.items():
            for key in keys:
                if key not in known:
                    names = ", ".join(sorted(found.to_user_string() for found in known)[:10])
                    raise dg.DagsterInvalidDefinitionError(
                        f"CarbonTracking: {where} names the asset {key.to_user_string()!r}, which is not in this "
                        f"project; it has {names}"
                    )
        return {*self._keys}

    def to_serializable_asset_selection(self, asset_graph: Any) -> dg.AssetSelection:
        """See `AssetSelection`."""
        return dg.AssetSelection.assets(*self._keys)

    def to_selection_str(self) -> str:
        """See `AssetSelection`."""
        return dg.AssetSelection.assets(*self._keys).to_selection_str()
