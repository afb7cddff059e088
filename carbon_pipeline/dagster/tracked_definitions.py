"""Tracking of assets, checks, ops and graphs that exist already. All use of Dagster's private API is here.

`carbon_pipeline_tests/integration/test_track_assets.py` fails when an upgrade of Dagster takes that away.
https://docs.dagster.io/api/dagster/definitions
"""

import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster._core.definitions.composition import is_in_composition
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction

from carbon_pipeline.dagster.measured_function import is_measured, measured_function

if TYPE_CHECKING:
    from carbon_pipeline.dagster.resources.emissions import EmissionsResource

Definition = TypeVar("Definition")

TAG = "carbon/tracked"
"""On tracked assets: the UI finds them by `tag:carbon/tracked`."""
KIND = "codecarbon"
MOST_KINDS = 3
"""Of an asset, as Dagster has it."""


class NotTrackableError(TypeError):
    """A definition cannot be tracked; the message says why."""


def tracked_definition(definition: Definition, emissions: "EmissionsResource | None" = None) -> Definition:
    """Put what a definition runs under `@tracked`.

    Args:
        definition: an asset, several of one step, a check, an op, or a graph of ops.
        emissions: the resource that measures; None for that of the run, else one that follows the environment.

    Returns:
        The definition, otherwise the same.

    Raises:
        NotTrackableError: it runs no function of Python's.
    """
    if isinstance(definition, dg.AssetsDefinition):
        attributes = definition.get_attributes_dict()
        if attributes["node_def"] is None:
            raise NotTrackableError("it is external: Dagster runs nothing for it")
        attributes["node_def"] = _tracked_node(attributes["node_def"], emissions)
        attributes["specs"] = [_marked(spec) for spec in attributes["specs"]]
        return definition.__class__.dagster_internal_init(**attributes)  # type: ignore[return-value]
    if isinstance(definition, dg.OpDefinition | dg.GraphDefinition) and not isinstance(definition, dg.JobDefinition):
        return _tracked_node(definition, emissions)  # type: ignore[no-any-return]
    raise NotTrackableError(f"a {type(definition).__name__} cannot be tracked: put @tracked on its assets or ops")


def is_of_this_package(asset: dg.AssetsDefinition) -> bool:
    """Whether an asset loads or reports what was measured: measuring that has no end."""
    node = asset.get_attributes_dict()["node_def"]
    function = getattr(getattr(node, "compute_fn", None), "decorated_fn", None)
    return str(getattr(function, "__module__", "")).startswith("carbon_pipeline.")


def is_tracked(asset: dg.AssetsDefinition) -> bool:
    """Whether the function of an asset is tracked already."""
    node = asset.get_attributes_dict()["node_def"]
    return is_measured(getattr(getattr(node, "compute_fn", None), "decorated_fn", None))


def marked_definition(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Give an asset the tag and the kind by which tracked ones are found."""
    attributes = asset.get_attributes_dict()
    attributes["specs"] = [_marked(spec) for spec in attributes["specs"]]
    return asset.__class__.dagster_internal_init(**attributes)


def with_note(asset: dg.AssetsDefinition, note: str) -> dg.AssetsDefinition:
    """Have an asset say something in its metadata and, each time it has run, in the log of the step."""

    @dg.success_hook(name="carbon_not_tracked")
    def say(context: dg.HookContext) -> None:
        context.log.warning(note)

    attributes = asset.get_attributes_dict()
    attributes["hook_defs"] = {*attributes["hook_defs"], say}
    attributes["specs"] = [
        spec.replace_attributes(metadata={**spec.metadata, "carbon/note": note}) for spec in attributes["specs"]
    ]
    return asset.__class__.dagster_internal_init(**attributes)


def require_no_graph() -> None:
    """Reject the function of a graph or job, which Dagster calls once to see the graph and never to run it.

    Raises:
        NotTrackableError: such a function is being called.
    """
    if is_in_composition():
        raise NotTrackableError("@tracked below a graph or a job measures nothing: put it above a graph, or on the ops")


def _marked(spec: dg.AssetSpec) -> dg.AssetSpec:
    kinds = {*spec.kinds, KIND} if len(spec.kinds) < MOST_KINDS else spec.kinds
    return spec.replace_attributes(kinds=kinds, tags={**spec.tags, TAG: ""})


def _tracked_node(node: Any, emissions: "EmissionsResource | None") -> Any:
    return _tracked_graph(node, emissions) if isinstance(node, dg.GraphDefinition) else _tracked_op(node, emissions)


def _tracked_graph(graph: dg.GraphDefinition, emissions: "EmissionsResource | None") -> dg.GraphDefinition:
    """Have the ops of a graph measured where they are: other graphs and jobs may hold the same ones."""
    ops = list(graph.iterate_op_defs())
    untracked = [op for op in ops if not isinstance(op.compute_fn, DecoratedOpFunction)]
    if ops == untracked:
        raise NotTrackableError(f"no op of the graph {graph.name} is a function of its own")
    for op in untracked:
        warnings.warn(f"{op.name}, an op of the graph {graph.name}, is not tracked: it is no function", stacklevel=4)
    for op in ops:
        if isinstance(op.compute_fn, DecoratedOpFunction):
            op._compute_fn = DecoratedOpFunction(measured_function(op.compute_fn.decorated_fn, emissions))
    return graph


def _tracked_op(op: dg.OpDefinition, emissions: "EmissionsResource | None") -> dg.OpDefinition:
    if not isinstance(op.compute_fn, DecoratedOpFunction):
        raise NotTrackableError(f"{op.name} is no function")
    function = op.compute_fn.decorated_fn
    return dg.OpDefinition.dagster_internal_init(
        compute_fn=DecoratedOpFunction(measured_function(function, emissions)),
        name=op.name,
        ins={found.name: dg.In.from_definition(found) for found in op.input_defs},
        outs={found.name: dg.Out.from_definition(found) for found in op.output_defs},
        description=op.description,
        config_schema=op.config_schema,
        required_resource_keys=set(op.required_resource_keys),
        tags=op.tags,
        version=None,  # code_version has taken its place
        retry_policy=op.retry_policy,
        code_version=op._version,
        pool=op.pool,
    )
