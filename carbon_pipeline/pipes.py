"""External processes that a Dagster step starts through Pipes, measured with all that they start."""

from typing import Any

import dagster as dg
from pydantic import Field

from carbon_pipeline.resources.emissions import EmissionsResource
from carbon_pipeline.tracking.decorator import tell


class TrackedPipesSubprocessClient(dg.ConfigurableResource[None]):
    """Dagster's `PipesSubprocessClient` under tracking: put it in the place of that one, the script stays as it is.

    The record says `failed` if the process ends with another status than 0. What was measured is added to the metadata
    of the materialization.

    Example:
        >>> @dg.asset
        ... def trained(context: dg.AssetExecutionContext, pipes: TrackedPipesSubprocessClient):
        ...     return pipes.run(command=["python", "train.py"], context=context).get_materialize_result()
    """

    emissions: dg.ResourceDependency[EmissionsResource]
    env: dict[str, str] | None = Field(
        default=None, description="Environment variables of all processes, on top of ours."
    )
    cwd: str | None = Field(default=None, description="Working folder of all processes.")

    def run(self, *, context: dg.AssetExecutionContext | dg.OpExecutionContext, **arguments: Any) -> Any:
        """Runs a command in a process of its own and waits for it.

        Args:
            context: the step's context.
            **arguments: what `PipesSubprocessClient.run` takes: command, extras, env, cwd.

        Returns:
            What that returns: `get_materialize_result()` and `get_results()` are there.

        Raises:
            DagsterPipesExecutionError: the process ended with another status than 0.
        """
        tracked = self.emissions.track(context)
        try:
            with tracked:
                result = dg.PipesSubprocessClient(env=self.env, cwd=self.cwd).run(context=context, **arguments)
        except BaseException:
            tell(context, tracked.record, is_still_to_come=False)
            raise
        tell(context, tracked.record, is_still_to_come=True)
        return result
