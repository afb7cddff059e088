"""`track_assets`: measures assets that one does not own. Experimental, see `tracked_definitions.py`.

https://docs.dagster.io/api/dagster/definitions
"""

import warnings
from collections.abc import Iterable
from typing import Any

import dagster as dg
from dagster_shared.record import replace

from carbon_pipeline.dagster.names import Key, asset_key
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.tracked_definitions import (
    NotTrackableError,
    is_of_this_package,
    is_tracked,
    tracked_definition,
    with_note,
)

Selection = dg.AssetSelection | str | Iterable[Key | dg.AssetsDefinition]


def track_assets(
    defs: dg.Definitions, selection: Selection | None = None, *, emissions: EmissionsResource | None = None
) -> dg.Definitions:
    """Put all assets of definitions, or some, under `@tracked`. Assets made from graphs are tracked by their ops.

    Experimental: it uses Dagster's private API. Where you own the function, `@tracked` itself is the better way.

    Args:
        defs: definitions of any origin.
        selection: which assets: an `AssetSelection`, a selection string such as `group:training`, or keys and assets;
            default all that can be.
        emissions: the resource that measures them; default that of the run under `carbon_emissions`, else one that
            follows the environment variables.

    Returns:
        New definitions. What cannot be tracked stays as it was: a warning names it when the definitions are loaded, and
        the log of its steps says so. External assets, assets that are tracked already, and those of this package need
        no mention.

    Raises:
        ValueError: `selection` names an asset that is not there, or one that cannot be tracked.

    Example:
        >>> defs = track_assets(dg.Definitions())
        >>> defs.resources
    """
    assets = list(defs.assets or ())
    wanted = None if selection is None else _selected(assets, selection)
    return replace(defs, assets=[_tracked(asset, wanted, emissions) for asset in assets])


def _selected(assets: list[Any], selection: Selection) -> set[dg.AssetKey]:
    definitions = [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)]
    known = {key for asset in definitions for key in asset.keys}
    if isinstance(selection, dg.AssetSelection):
        return set(selection.resolve(definitions))
    wanted: set[dg.AssetKey] = set()
    for item in [selection] if isinstance(selection, str) else selection:
        keys = set(item.keys) if isinstance(item, dg.AssetsDefinition) else {asset_key(item)}
        if isinstance(item, str) and not keys <= known:
            keys = _from_string(item, definitions)
        if missing := keys - known:
            raise ValueError(f"{_names(missing)}: no asset of these definitions, which have {_names(known) or 'none'}")
        wanted |= keys
    return wanted


def _from_string(text: str, definitions: list[dg.AssetsDefinition]) -> set[dg.AssetKey]:
    try:
        found = set(dg.AssetSelection.from_string(text).resolve(definitions))
    except dg.DagsterError:
        found = set()
    if not found:
        raise ValueError(f"{text}: no asset of these definitions, and no selection of some") from None
    return found


def _tracked(asset: Any, wanted: set[dg.AssetKey] | None, emissions: EmissionsResource | None) -> Any:
    if not isinstance(asset, dg.AssetsDefinition) or (wanted is not None and not wanted & set(asset.keys)):
        return asset
    if wanted is None and (not asset.is_executable or is_of_this_package(asset) or is_tracked(asset)):
        return asset
    try:
        return tracked_definition(asset, emissions)
    except NotTrackableError as error:
        if wanted is not None:
            raise ValueError(f"{_names(asset.keys)} cannot be tracked: {error}") from None
        warnings.warn(f"track_assets: {_names(asset.keys)} is not tracked: {error}", stacklevel=3)
        return with_note(asset, f"not tracked: {error}")


def _names(keys: Iterable[dg.AssetKey]) -> str:
    return ", ".join(sorted(key.to_user_string() for key in keys))
