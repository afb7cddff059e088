"""Which step of Dagster is running, and what its record says of it.

https://docs.dagster.io/api/dagster/execution
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from carbon_pipeline.tracking.run_record import Orchestration

TASK_METADATA = "boamps/task"
"""Key of an asset's metadata with the fields of BoAmps' `task` for its runs."""

StepContext = dg.AssetExecutionContext | dg.OpExecutionContext | dg.AssetCheckExecutionContext


def op_context(context: StepContext) -> dg.OpExecutionContext:
    """The context of the op behind a step."""
    return context if isinstance(context, dg.OpExecutionContext) else context.op_execution_context


def task_in_metadata(context: StepContext | None) -> dict[str, Any]:
    """The task as the definition of the asset describes it, under the key `boamps/task`.

    Args:
        context: of the step; None outside Dagster.
    """
    op = op_context(context) if context else None
    if op is None or not op.has_assets_def:
        return {}
    task: dict[str, Any] = {}
    for key in sorted(op.selected_asset_keys):
        value = op.assets_def.metadata_by_key.get(key, {}).get(TASK_METADATA)
        value = value.value if isinstance(value, dg.MetadataValue) else value
        task |= value if isinstance(value, Mapping) else {}
    return task


def orchestration_of(context: StepContext | None) -> Orchestration:
    """What a record says of the step that is measured.

    Args:
        context: of the step; None outside Dagster.

    Returns:
        Run, step, assets, partition and attempt.
    """
    if context is None:
        return Orchestration()
    op = op_context(context)
    try:
        run_id = op.run.run_id
    except dg.DagsterInvalidPropertyError:  # the asset is called by itself, with `build_asset_context()`
        return Orchestration()
    keys = sorted(key.to_user_string() for key in op.selected_asset_keys) if op.has_assets_def else []
    return Orchestration(
        asset_key=", ".join(keys) or None,
        dagster_run_id=run_id,
        step_key=op.get_step_execution_context().step.key,
        partition_key=_partition(op),
        retry_number=op.retry_number,
    )


def _partition(op: dg.OpExecutionContext) -> str | None:
    """The partition; of a range that one run makes, its ends."""
    if op.has_assets_def and op.assets_def.partitions_def is None:
        return None  # an asset without partitions, in a run for one of others
    if op.has_partition_key:
        return op.partition_key
    if op.has_partition_key_range:
        return f"{op.partition_key_range.start}...{op.partition_key_range.end}"
    return None
