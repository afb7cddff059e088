"""`track_assets`: measures assets that one does not own. Experimental, see `tracked_definitions.py`.

https://docs.dagster.io/api/dagster/definitions
"""

import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import dagster as dg
from dagster_shared.record import replace

from carbon_pipeline.dagster.names import Key, asset_key
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.tracked_definitions import (
    NotTrackableError,
    is_of_this_package,
    is_tracked,
    marked_definition,
    tracked_definition,
    with_note,
)

Selected = Key | dg.AssetsDefinition | dg.AssetSelection
Selection = str | dg.AssetKey | dg.AssetsDefinition | dg.AssetSelection | Iterable[Selected]


def track_assets(
    defs: dg.Definitions, selection: Selection | None = None, *, emissions: EmissionsResource | None = None
) -> dg.Definitions:
    """Put all assets of definitions, or some, under `@tracked`. Assets made from graphs are tracked by their ops.

    Experimental: it uses Dagster's private API. Where you own the function, `@tracked` itself is the better way.

    Args:
        defs: definitions of any origin.
        selection: which assets: keys, assets, selection strings such as `group:training` and `AssetSelection`s, one or
            several; default all that can be.
        emissions: the resource that measures them; default that of the run under `carbon_emissions`, else one that
            follows the environment variables.

    Returns:
        New definitions. What cannot be tracked stays as it was: a warning names it when the definitions are loaded, and
        the log of its steps says so. External assets and those of this package need no mention. Assets that are
        tracked already get the tag by which all are found, and the resource if one is given.

    Raises:
        ValueError: `selection` names an asset that is not there, or one that cannot be tracked.

    Example:
        >>> defs = track_assets(dg.Definitions())
        >>> defs.resources
    """
    if emissions is not None and not isinstance(emissions, EmissionsResource):
        raise ValueError(
            "emissions is to be an EmissionsResource; one that is configured at launch goes into `resources`"
        )
    assets = list(defs.assets or ())
    wanted = None if selection is None else _selected(assets, selection)
    tracked: dict[int, Any] = {}
    for asset in assets:
        if id(asset) not in tracked:  # Dagster takes an asset twice if it is the same object
            tracked[id(asset)] = _tracked(asset, wanted, emissions)
    return replace(defs, assets=[tracked[id(asset)] for asset in assets])


class _Wanted(NamedTuple):
    """Assets that were selected; `named` are those that the caller has written out."""

    keys: set[dg.AssetKey]
    named: set[dg.AssetKey]


def _selected(assets: list[Any], selection: Selection) -> _Wanted:
    definitions = [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)]
    known = {key for asset in definitions for key in asset.keys}
    wanted = _Wanted(set(), set())
    is_one = isinstance(selection, str | dg.AssetKey | dg.AssetSelection | dg.AssetsDefinition)
    for item in [selection] if is_one else selection:  # type: ignore[union-attr]
        if isinstance(item, dg.AssetSelection):
            keys = set(item.resolve(definitions))
            if not keys:
                raise ValueError(f"{item.to_selection_str()} selects no asset of these definitions")
        elif isinstance(item, str) and asset_key(item) not in known:
            keys = _from_string(item, definitions, known)
        else:
            keys = set(item.keys) if isinstance(item, dg.AssetsDefinition) else {asset_key(item)}  # type: ignore[arg-type]
            if missing := keys - known:
                raise ValueError(
                    f"{_names(missing)}: no asset of these definitions, which have {_names(known) or 'none'}"
                )
            wanted.named.update(keys)
        wanted.keys.update(keys)
    return wanted


def _from_string(text: str, definitions: list[dg.AssetsDefinition], known: set[dg.AssetKey]) -> set[dg.AssetKey]:
    try:
        found = set(dg.AssetSelection.from_string(text).resolve(definitions))
    except dg.DagsterError:
        found = set()
    if not found:
        has = _names(known) or "none"
        raise ValueError(f"{text}: no asset of these definitions, which have {has}, and no selection of some")
    return found


def _tracked(asset: Any, wanted: _Wanted | None, emissions: EmissionsResource | None) -> Any:
    if not isinstance(asset, dg.AssetsDefinition):
        return asset
    is_named = wanted is not None and bool(wanted.named & set(asset.keys))
    if wanted is not None and not wanted.keys & set(asset.keys):
        return asset
    if is_of_this_package(asset) and is_named:
        raise ValueError(f"{_names(asset.keys)} cannot be tracked: it loads or reports what was measured")
    if not is_named and (not asset.is_executable or is_of_this_package(asset)):
        return asset
    if is_tracked(asset) and emissions is None:
        return marked_definition(asset)
    try:
        return tracked_definition(asset, emissions)
    except NotTrackableError as error:
        if is_named:
            raise ValueError(f"{_names(asset.keys)} cannot be tracked: {error}") from None
        warnings.warn(f"track_assets: {_names(asset.keys)} is not tracked: {error}", stacklevel=3)
        return with_note(asset, f"not tracked: {error}")


def _names(keys: Iterable[dg.AssetKey]) -> str:
    return ", ".join(sorted(key.to_user_string() for key in keys))
