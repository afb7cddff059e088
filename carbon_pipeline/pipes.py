"""External processes that a Dagster step starts through Pipes, measured with all that they start."""

from typing import Any

import dagster as dg

from carbon_pipeline.resources.emissions import EmissionsResource
from carbon_pipeline.tracking.decorator import dagster_metadata


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
                result = dg.PipesSubprocessClient().run(context=context, **arguments)
        except BaseException:
            self._observe(context, dagster_metadata(tracked.record))
            raise
        if isinstance(context, dg.AssetExecutionContext):
            for key in context.selected_asset_keys:
                context.add_asset_metadata(dagster_metadata(tracked.record), asset_key=key)
        return result

    def _observe(self, context: dg.AssetExecutionContext | dg.OpExecutionContext, metadata: dict[str, Any]) -> None:
        if isinstance(context, dg.AssetExecutionContext):
            for key in context.selected_asset_keys:
                context.log_event(dg.AssetObservation(key, metadata=metadata))
