"""The resource `emissions`: CodeCarbon's tracker around a block of work in an asset, op or check."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import dagster as dg
from pydantic import Field

from carbon_pipeline.resources.hardware import HardwareResource
from carbon_pipeline.resources.location import LocationResource
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.settings import Settings, read_settings_leniently
from carbon_pipeline.tracking.baseline import Baseline, find_baseline, measure_baseline
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Meter, TrackingMode
from carbon_pipeline.tracking.run import Orchestration, TrackedRun

TASK_METADATA = "boamps/task"
"""Key of an asset's metadata under which stands what a report is to say of its task."""


StepContext = dg.AssetExecutionContext | dg.OpExecutionContext | dg.AssetCheckExecutionContext


class Scope(StrEnum):
    """What the meter looks at: the whole machine, or this process and its children."""

    machine = "machine"
    process = "process"


class EmissionsResource(dg.ConfigurableResource[None]):
    """Measures energy and emissions. What is not configured comes from the environment variables.

    Example:
        >>> @dg.asset
        ... def my_model(context: dg.AssetExecutionContext, emissions: EmissionsResource):
        ...     with emissions.track(context) as run:
        ...         fit()
        ...     return dg.MaterializeResult(metadata=dagster_metadata(run.record))
    """

    hardware: dg.ResourceDependency[HardwareResource]
    location: dg.ResourceDependency[LocationResource]
    warehouse: dg.ResourceDependency[WarehouseResource]
    carbon_intensity_g_per_kwh: float | None = Field(
        default=None, description="Carbon intensity of the electricity, gCO2eq/kWh, if you know it."
    )
    project_name: str | None = Field(
        default=None, description="Project of all runs; default CARBON_PROJECT_NAME, else `carbon_pipeline`."
    )
    pue: float | None = Field(default=None, description="Power usage effectiveness of the site, at least 1.")
    tracking_mode: Scope = Field(default=Scope.machine, description="What the meter looks at.")

    def track(
        self,
        context: StepContext | None = None,
        name: str | None = None,
        project_name: str | None = None,
        task: Mapping[str, Any] | None = None,
    ) -> TrackedRun:
        """Measures a `with` block.

        Args:
            context: the step's context; run, step, asset and partition go into the record.
            name: what is tracked; default the asset's key, or the step's.
            project_name: project it belongs to.
            task: what a report is to say of the work: fields of BoAmps' `task`. They win over those in the asset's
                metadata under the key `boamps/task`, and both over report_context.yaml.

        Returns:
            The run; its `record` is there after the block.
        """
        orchestration = _orchestration(context)
        settings, problems = self._settings()
        return TrackedRun(
            name or orchestration.asset_key or orchestration.step_key or "step",
            settings=settings,
            problems=problems,
            project_name=project_name,
            experiment_id=orchestration.dagster_run_id,
            tracking_mode=self.tracking_mode.value,
            source="dagster",
            orchestration=orchestration,
            task={**_task_in_metadata(context), **(task or {})} or None,
            probe_hardware=self.hardware.probe,
            probe_location=self.location.probe_with,
            make_meter=self.make_meter,
        )

    def idle(self) -> Baseline | None:
        """The idle baseline of this host that is kept in the data folder, if there is one."""
        settings, _ = self._settings()
        return find_baseline(settings.data_dir)

    def measure_idle(self, seconds: float | None = None) -> Baseline:
        """Measures the idle machine, for later runs on this host to be compared with.

        Args:
            seconds: how long; default CARBON_BASELINE_S.

        Returns:
            The baseline, which is kept in the data folder.

        Raises:
            RuntimeError: the meter failed.
        """
        settings, _ = self._settings(baseline_s=seconds)
        return measure_baseline(settings, self.make_meter)

    def _settings(self, **more: float | None) -> tuple[Settings, list[str]]:
        return read_settings_leniently(
            country_iso_code=self.location.country_iso_code,
            region=self.location.region,
            geolocation=self.location.geolocation,
            intensity_g_per_kwh=self.carbon_intensity_g_per_kwh,
            pue=self.pue,
            project_name=self.project_name,
            data_dir=self.warehouse.data_dir,
            **more,
        )

    def make_meter(self, tracking_mode: TrackingMode, pue: float) -> Meter:
        """The meter for one run; override it to measure with another one.

        Args:
            tracking_mode: what to look at.
            pue: power usage effectiveness, by which the energies are multiplied.

        Returns:
            A meter that has not been started.
        """
        return CodeCarbonMeter(tracking_mode, pue)


def _op_context(context: StepContext) -> dg.OpExecutionContext:
    return context if isinstance(context, dg.OpExecutionContext) else context.op_execution_context


def _task_in_metadata(context: StepContext | None) -> dict[str, Any]:
    """What the definition of the asset says of its task."""
    op = _op_context(context) if context else None
    if op is None or not op.has_assets_def:
        return {}
    told: dict[str, Any] = {}
    for key in sorted(op.selected_asset_keys):
        value = op.assets_def.metadata_by_key.get(key, {}).get(TASK_METADATA)
        value = value.value if isinstance(value, dg.MetadataValue) else value
        told |= value if isinstance(value, Mapping) else {}
    return told


def _orchestration(context: StepContext | None) -> Orchestration:
    if context is None:
        return Orchestration()
    op = _op_context(context)
    keys = sorted(key.to_user_string() for key in op.selected_asset_keys) if op.has_assets_def else []
    return Orchestration(
        asset_key=", ".join(keys) or None,
        dagster_run_id=op.run.run_id,
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
