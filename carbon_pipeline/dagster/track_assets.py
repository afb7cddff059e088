"""`track_assets`: measures assets that one does not own. Experimental: all use of Dagster's private API is here.

`carbon_pipeline_tests/integration/test_track_assets.py` fails when an upgrade of Dagster takes that away.
https://docs.dagster.io/api/dagster/definitions
"""

import logging
from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction

from carbon_pipeline.dagster.asset_keys import asset_key
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.tracked import tracked

logger = logging.getLogger(__name__)


def track_assets(defs: dg.Definitions, selection: Sequence[str | dg.AssetKey] | None = None) -> dg.Definitions:
    """Put all assets of definitions, or some, under `@tracked`, and add the resources that it needs.

    Experimental: it uses Dagster's private API. Where you own the function, `@tracked` itself is the better way.

    Args:
        defs: definitions of any origin.
        selection: keys of the assets to be tracked; default all that can be.

    Returns:
        New definitions. What cannot be tracked (assets made from graphs, external assets, assets that are tracked
        already, and those of this package) stays as it was, and so do your resources of the same names.

    Raises:
        ValueError: a key of `selection` is no asset of these definitions, or one that cannot be tracked.

    Example:
        >>> defs = track_assets(dg.Definitions())
        >>> sorted(defs.resources)
        ['emissions']
    """
    wanted = None if selection is None else {asset_key(key) for key in selection}
    done: set[dg.AssetKey] = set()
    assets = [_tracked(asset, wanted, done) for asset in defs.assets or ()]
    if wanted is not None and (missing := wanted - done):
        names = ", ".join(sorted(key.to_user_string() for key in missing))
        raise ValueError(
            f"{names}: no asset of these definitions, or one that cannot be tracked (a graph, an external one)"
        )
    # It contains what it needs: a project may have resources of its own called `warehouse` or `location`.
    emissions = EmissionsResource(
        hardware=HardwareResource(), location=LocationResource(), warehouse=WarehouseResource()
    )
    resources = {"emissions": emissions, **(defs.resources or {})}
    return _replaced(defs, assets, resources)


def _replaced(defs: dg.Definitions, assets: list[Any], resources: dict[str, Any]) -> dg.Definitions:
    from dagster_shared.record import replace

    return replace(defs, assets=assets, resources=resources)


def _tracked(asset: Any, wanted: set[dg.AssetKey] | None, done: set[dg.AssetKey]) -> Any:
    if not isinstance(asset, dg.AssetsDefinition) or (wanted is not None and not wanted & set(asset.keys)):
        return asset
    attributes = asset.get_attributes_dict()
    op = attributes["node_def"]
    if (
        not isinstance(op, dg.OpDefinition)
        or not isinstance(op.compute_fn, DecoratedOpFunction)
        or _is_of_this_package(op.compute_fn)
    ):
        logger.info("%s cannot be tracked: it is no asset that a function makes", asset.keys)
        return asset
    done |= set(asset.keys)
    attributes["node_def"] = _tracked_op(op, op.compute_fn.decorated_fn)
    return asset.__class__.dagster_internal_init(**attributes)


def _is_of_this_package(function: DecoratedOpFunction) -> bool:
    """Loading what was measured is not measured: that would have to be loaded too, and so on."""
    return str(function.decorated_fn.__module__).startswith("carbon_pipeline.")


def _tracked_op(op: dg.OpDefinition, function: Any) -> dg.OpDefinition:
    measured = tracked(function)
    if measured is function:
        return op
    return dg.OpDefinition.dagster_internal_init(
        compute_fn=DecoratedOpFunction(measured),
        name=op.name,
        ins={found.name: dg.In.from_definition(found) for found in op.input_defs},
        outs={found.name: dg.Out.from_definition(found) for found in op.output_defs},
        description=op.description,
        config_schema=op.config_schema,
        required_resource_keys={*op.required_resource_keys, "emissions"},
        tags=op.tags,
        version=None,  # code_version has taken its place
        retry_policy=op.retry_policy,
        code_version=op._version,
        pool=op.pool,
    )
