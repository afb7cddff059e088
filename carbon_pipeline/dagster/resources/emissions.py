"""The resource `carbon_emissions`: CodeCarbon's tracker around a block of work in an asset, op or check."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.step_context import StepContext, orchestration_of, task_in_metadata
from carbon_pipeline.model.record import TrackingMode
from carbon_pipeline.settings import (
    LocationOptions,
    MeasuringOptions,
    Settings,
    StorageOptions,
    given,
    read_settings_leniently,
)
from carbon_pipeline.tracking.baseline import Baseline, fresh_baseline, measure_baseline
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Meter
from carbon_pipeline.tracking.run import TrackedRun

PARTS = {"hardware": HardwareResource, "location": LocationResource, "warehouse": WarehouseResource}
"""The resources that the one for emissions uses."""


class EmissionsResource(MeasuringOptions, dg.ConfigurableResource[None]):
    """Measures energy and emissions. What is not configured comes from the environment variables.

    Example:
        >>> @dg.asset
        ... def my_model(context: dg.AssetExecutionContext, carbon_emissions: EmissionsResource):
        ...     with carbon_emissions.track(context) as run:
        ...         fit()
        ...     return dg.MaterializeResult(metadata=dagster_metadata(run.record))
    """

    hardware: dg.ResourceDependency[HardwareResource]
    location: dg.ResourceDependency[LocationResource]
    warehouse: dg.ResourceDependency[WarehouseResource]

    def __init__(self, **fields: Any) -> None:
        """What is not given follows the environment variables."""
        for name, kind in PARTS.items():
            if name not in fields:
                fields[name] = kind()
        super().__init__(**fields)

    def track(
        self,
        context: StepContext | None = None,
        name: str | None = None,
        project_name: str | None = None,
        task: Mapping[str, Any] | None = None,
    ) -> TrackedRun:
        """Measure a `with` block.

        Args:
            context: the step's context; run, step, asset and partition go into the record.
            name: what is tracked; default the asset's key, or the step's.
            project_name: project it belongs to.
            task: fields of BoAmps' `task`. They win over those in the asset's metadata under the key `boamps/task`,
                and both over report_context.yaml.

        Returns:
            The run; its `record` is available after the block.
        """
        orchestration = orchestration_of(context)
        settings, problems = self._settings(project_name=project_name)
        return TrackedRun(
            name or orchestration.asset_key or orchestration.step_key or "step",
            settings=settings,
            problems=problems,
            experiment_id=orchestration.dagster_run_id,
            source="dagster",
            orchestration=orchestration,
            task={**task_in_metadata(context), **(task or {})} or None,
            probe_hardware=self.hardware.probe,
            probe_location=self.location.probe_with,
            make_meter=self.make_meter,
        )

    def fresh_idle(self, seconds: float | None = None, max_age_days: float | None = None) -> Baseline | None:
        """Find a baseline of this host that need not be measured again, see `fresh_baseline`.

        Args:
            seconds: how long it has to have been measured; default CARBON_BASELINE_S.
            max_age_days: how old it may be; default CARBON_BASELINE_DAYS.
        """
        settings, _ = self._settings(baseline_s=seconds, baseline_days=max_age_days)
        return fresh_baseline(settings, self.make_meter)

    def measure_idle(self, seconds: float | None = None) -> Baseline:
        """Measure the idle machine, for later runs on this host to be compared with.

        Args:
            seconds: how long; default CARBON_BASELINE_S.

        Returns:
            The baseline, which is kept in the data folder.

        Raises:
            MeterError: the meter failed.
        """
        settings, _ = self._settings(baseline_s=seconds)
        return measure_baseline(settings, self.make_meter)

    def make_meter(self, tracking_mode: TrackingMode, pue: float) -> Meter:
        """Make the meter of one run; override it to measure with another one.

        Args:
            tracking_mode: what to look at.
            pue: power usage effectiveness, by which the energies are multiplied.

        Returns:
            A meter that has not been started.
        """
        return CodeCarbonMeter(tracking_mode, pue)

    def _settings(self, **more: Any) -> tuple[Settings, list[str]]:
        options = {
            **given(self, MeasuringOptions),
            **given(self.location, LocationOptions),
            **given(self.warehouse, StorageOptions),
        }
        options |= {name: value for name, value in more.items() if value not in (None, "")}
        return read_settings_leniently(**options)
