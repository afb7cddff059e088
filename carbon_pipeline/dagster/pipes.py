"""External processes that a Dagster step starts through Pipes, measured with all that they start.

https://docs.dagster.io/guides/build/external-pipelines
"""

from contextlib import ExitStack
from typing import Any

import dagster as dg
from pydantic import Field

from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.resolve import resource_for
from carbon_pipeline.dagster.step_metadata import attach_metadata


class TrackedPipesSubprocessClient(dg.ConfigurableResource[None]):
    """Dagster's `PipesSubprocessClient` under tracking: use it in the place of that one; the script stays as it is.

    The record says `failed` if the process ends with another status than 0. What was measured is added to the metadata
    of the materialization.

    Example:
        >>> @dg.asset
        ... def trained(context: dg.AssetExecutionContext, pipes: TrackedPipesSubprocessClient):
        ...     return pipes.run(command=["python", "train.py"], context=context).get_materialize_result()
    """

    emissions: dg.ResourceDependency[EmissionsResource]
    env: dict[str, str] | None = Field(
        default=None, description="Environment variables of all processes, on top of Dagster's."
    )
    cwd: str | None = Field(default=None, description="Working folder of all processes.")

    def __init__(self, **fields: Any) -> None:
        """Without a resource of its own it measures with that of the run, as `@tracked` does."""
        super().__init__(**(fields if "emissions" in fields else {"emissions": EmissionsResource(), **fields}))

    def run(self, *, context: dg.AssetExecutionContext | dg.OpExecutionContext, **arguments: Any) -> Any:
        """Run a command in a process of its own and wait for it.

        Args:
            context: the step's context.
            **arguments: what `PipesSubprocessClient.run` takes: command, extras, env, cwd.

        Returns:
            What that returns, with `get_materialize_result()` and `get_results()`.

        Raises:
            DagsterPipesExecutionError: the process ended with another status than 0.
        """
        client = dg.PipesSubprocessClient(env=self.env, cwd=self.cwd)
        with ExitStack() as resources:
            own = None if self.emissions == EmissionsResource() else self.emissions
            emissions = own or resource_for(resources, context, {})
            if emissions is None:
                return client.run(context=context, **arguments)
            tracked = emissions.track(context)
            try:
                with tracked:
                    result = client.run(context=context, **arguments)
            except BaseException:
                attach_metadata(context, tracked, to_materialization=False)
                raise
            attach_metadata(context, tracked, to_materialization=True)
            return result
