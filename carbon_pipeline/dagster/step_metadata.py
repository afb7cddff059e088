"""The carbon metadata of assets: numbers under keys that never change their unit, and how a step hands them to Dagster.

They go to the materialization where one is still to come. Where it is out already (generators), or never comes
(failures, cancels), they go to an observation of the asset, which is kept whatever becomes of the step.
https://docs.dagster.io/guides/build/assets/metadata-and-tags
"""

from typing import Any

import dagster as dg

from carbon_pipeline.dagster.ui_metadata import shown, table_metadata
from carbon_pipeline.model.phase_report import phase_rows, power_line
from carbon_pipeline.model.record import RunRecord, mean_power_w
from carbon_pipeline.model.summary import summary, summary_parts
from carbon_pipeline.tracking.run import TrackedRun

SUMMARY = "carbon/summary"
"""Key of what people read, in Markdown."""


MOST_METRICS = 20
"""Metrics of a run that are shown; the warehouse has all."""


def carbon_metadata(
    record: RunRecord, assets_of_the_step: int = 1, partitions_of_the_step: int = 1
) -> dict[str, float | str]:
    """The numbers of a run. Dagster plots the floats; what is not known is absent, never 0.

    Args:
        record: what was measured.
        assets_of_the_step: how many assets the measured step makes; the numbers are those of the step.
        partitions_of_the_step: how many partitions of them.
    """
    found = {
        "carbon/energy_kwh": record.energy_kwh,
        "carbon/energy_low_kwh": record.energy_low_kwh,
        "carbon/energy_high_kwh": record.energy_high_kwh,
        "carbon/wall_estimate_kwh": record.wall_estimate_kwh,
        "carbon/wall_emissions_kg": record.wall_emissions_kg,
        "carbon/interval_source": record.interval_source,
        "carbon/energy_above_idle_kwh": record.energy_above_idle_kwh,
        "carbon/power_w": mean_power_w(record.energy_kwh, record.duration_s),
        "carbon/quality": record.quality,
        "carbon/emissions_kg": record.emissions_kg,
        "carbon/emissions_low_kg": record.emissions_low_kg,
        "carbon/emissions_high_kg": record.emissions_high_kg,
        "carbon/duration_s": record.duration_s,
        "carbon/carbon_intensity_g_per_kwh": record.carbon_intensity_g_per_kwh,
        "carbon/method": f"cpu={record.cpu_method}, gpu={record.gpu_method}, ram={record.ram_method}",
        "carbon/intensity_source": record.intensity_source,
        "carbon/location_source": record.location_source,
        "carbon/flags": ", ".join(record.flags) or "none",
        "carbon/status": record.status,
        "carbon/attempt": record.retry_number or None if record.status == "completed" else record.retry_number,
        "carbon/assets_of_the_step": assets_of_the_step if assets_of_the_step > 1 else None,
        "carbon/partitions_of_the_step": partitions_of_the_step if partitions_of_the_step > 1 else None,
        "carbon/run_id": record.run_id,
    }
    return {key: shown(value) for key, value in found.items() if value is not None}


def dagster_metadata(
    record: RunRecord | None, assets_of_the_step: int = 1, partitions_of_the_step: int = 1
) -> dict[str, Any]:
    """The metadata of a materialization or observation, with lines for people on top, as in `carbon_metadata`."""
    if record is None:
        return {}
    first, *rest = summary_parts(record, assets_of_the_step, partitions_of_the_step)
    power = power_line(record)
    return {
        SUMMARY: dg.MetadataValue.md("  \n".join([f"**{first}**", *rest])),
        **({"carbon/power": power} if power else {}),
        **({"carbon/phases": table_metadata(phase_rows(record))} if record.phases else {}),
        **carbon_metadata(record, assets_of_the_step, partitions_of_the_step),
        **{f"carbon/metric/{name}": value for name, value in list(record.metrics.items())[:MOST_METRICS]},
    }


def attach_metadata(context: Any, run: TrackedRun, *, to_materialization: bool) -> None:
    """Hand the numbers to each asset of the step; an op that makes no asset, and a check, have the record alone.

    Args:
        context: of the step.
        run: what was measured; without a record of it, the log of the step has the reason.
        to_materialization: whether the materialization of the assets is still to come, and can take them.
    """
    op, record = getattr(context, "op_execution_context", context), run.record
    try:
        if run.landing_error:
            context.log.error("what this step has used is in no report: %s", run.landing_error)
        if record is None:
            return
        context.log.info("%s; run %s", summary(record), record.run_id)
        if not op.has_assets_def:
            return
        keys = sorted(op.selected_asset_keys)
        metadata = dagster_metadata(record, len(keys), _partitions(op))
        for key in keys:
            if to_materialization and hasattr(context, "add_asset_metadata") and _makes(op, key):
                context.add_asset_metadata(dict(metadata), asset_key=key)
            else:
                _observe(context, op, key, dict(metadata))
    except Exception as error:  # noqa: BLE001 - whatever it is, the work has been done
        context.log.error("the carbon metadata could not be attached: %s: %s", type(error).__name__, error)


def _makes(op: Any, key: Any) -> bool:
    """Whether this step makes the asset: of a graph that does, most steps do not."""
    layer = op.job_def.asset_layer
    handle = op.get_step_execution_context().node_handle
    return any(layer.get_asset_key_for_node_output(handle, output.name) == key for output in op.op_def.output_defs)


def _partitions(op: Any) -> int:
    """How many partitions the step makes at once."""
    is_range = op.assets_def.partitions_def is not None and op.has_partition_key_range
    return len(op.partition_keys) if is_range else 1


def _observe(context: Any, op: Any, key: Any, metadata: dict[str, Any]) -> None:
    partition = op.partition_key if op.has_partition_key and op.assets_def.partitions_def else None
    context.log_event(dg.AssetObservation(key, metadata=metadata, partition=partition))
