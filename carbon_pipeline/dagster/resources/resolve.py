"""Which resource measures a step: one that is given, or one that follows the environment; or none, and why."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from typing import Any

import dagster as dg

from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.step_context import StepContext, op_context
from carbon_pipeline.settings import read_settings_leniently

KEY = "carbon_emissions"
"""Key of the resource that overrides the environment's settings."""


def resource_for(
    stack: ExitStack, context: StepContext, arguments: Mapping[str, Any], bound: EmissionsResource | None = None
) -> EmissionsResource | None:
    """Find the resource that measures a step, and set it up where Dagster has not.

    The step does not require it, so that a project without one needs none. Nothing is measured under an ephemeral
    instance, which unit tests have, unless a resource is given or CARBON_TRACKING=on.

    Args:
        stack: what has been set up here is torn down with it, at the end of the step.
        context: of the step.
        arguments: of the step's function: a resource that it takes itself comes first.
        bound: the resource that `track_assets` was given.

    Returns:
        The resource; None if nothing is to be measured, for which the step's log has the reason.
    """
    settings, problems = read_settings_leniently()
    for problem in problems:
        context.log.warning(problem)
    if settings.tracking == "off":
        context.log.info("not measured: CARBON_TRACKING=off")
        return None
    own = (value for value in arguments.values() if isinstance(value, EmissionsResource))
    found = next(own, None) or _set_up(stack, op_context(context), bound)
    if found or settings.tracking == "on" or not context.instance.is_ephemeral:
        return found or _of_environment()
    context.log.info(
        "not measured: this run has an ephemeral instance, as unit tests do; CARBON_TRACKING=on or a resource %s "
        "measures it",
        KEY,
    )
    return None


@cache
def _of_environment() -> EmissionsResource:
    return EmissionsResource()


def _set_up(stack: ExitStack, op: dg.OpExecutionContext, bound: EmissionsResource | None) -> EmissionsResource | None:
    definitions: dict[str, Any] = {KEY: bound} if bound else {}
    if not bound and KEY in (known := op.job_def.resource_defs):
        definitions = {key: known[key] for key in {KEY, *known[KEY].get_required_resource_keys(known)}}
    if not definitions:
        return None
    given: Mapping[str, Any] = op.run.run_config.get("resources", {})  # type: ignore[assignment]
    resources = stack.enter_context(
        dg.build_resources(
            definitions,
            instance=op.instance,
            resource_config={key: value for key, value in given.items() if key in definitions},
            dagster_run=op.run,
            log_manager=op.log,
        )
    )
    return getattr(resources, KEY)  # type: ignore[no-any-return]
