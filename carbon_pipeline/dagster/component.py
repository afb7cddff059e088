"""The Dagster component `carbon_pipeline.CarbonTracking`: brings the whole package into an existing project, in YAML.

https://docs.dagster.io/guides/build/components
"""

from typing import Any, Literal

import dagster as dg
from pydantic import Field

from carbon_pipeline.dagster.assets.archive import landing_archive
from carbon_pipeline.dagster.assets.boamps import boamps_reports
from carbon_pipeline.dagster.assets.daily import daily_report
from carbon_pipeline.dagster.assets.reports import reports
from carbon_pipeline.dagster.assets.runs import runs_after
from carbon_pipeline.dagster.automation import (
    archive_job,
    daily_archive,
    daily_report_job,
    daily_report_schedule,
    landed_records,
    load_job,
)
from carbon_pipeline.dagster.budgets import carbon_budget
from carbon_pipeline.dagster.checks import boamps_reports_are_valid, runs_keep_the_rules
from carbon_pipeline.dagster.regression import energy_regression
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.report_context import ReportContextResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.settings import LocationOptions, MeasuringOptions, ReportOptions, StorageOptions, given


class Budget(dg.Model):
    """A budget of an asset, see `carbon_budget`."""

    asset: str
    max_kg: float | None = None
    max_kwh: float | None = None
    period: Literal["run", "day", "month"] = "run"
    severity: Literal["ERROR", "WARN"] = "ERROR"
    blocking: bool = False
    name: str | None = None


class Regression(dg.Model):
    """A watch on the energy of an asset, see `energy_regression`."""

    asset: str
    alpha: float = 0.05
    min_runs: int = 5
    min_effect: float = 0.1
    severity: Literal["ERROR", "WARN"] = "WARN"
    blocking: bool = False
    name: str | None = None


class CarbonTracking(
    dg.Component, LocationOptions, MeasuringOptions, StorageOptions, ReportOptions, dg.Model, dg.Resolvable
):
    """Resources for `@tracked`, the warehouse of all runs, its checks, schedules and reports.

    All attributes are optional; the settings among them that are not given come from the environment variables.

    Attributes:
        warehouse: whether to bring the assets runs, reports, boamps_reports and landing_archive with their checks.
        after: tracked assets upstream of `runs`, so that one launch of all loads and reports what they have used.
        daily_report: whether to bring the asset daily_report as well, which has a partition for each day.
        automation: whether to bring the schedules, and the sensor that loads what has landed.
        budgets: budgets of assets.
        regressions: watches on the energy of assets.
    """

    warehouse: bool = True
    after: list[str] = Field(default_factory=list)
    daily_report: bool = False
    automation: bool = True
    budgets: list[Budget] = Field(default_factory=list)
    regressions: list[Regression] = Field(default_factory=list)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the definitions that the component adds."""
        checks: list[Any] = [carbon_budget(**dict(budget)) for budget in self.budgets]
        checks += [energy_regression(**dict(regression)) for regression in self.regressions]
        automation = self.automation and self.warehouse
        daily = self.warehouse and self.daily_report
        return dg.Definitions(
            assets=[
                *([runs_after(self.after), reports, boamps_reports, landing_archive] if self.warehouse else []),
                *([daily_report] if daily else []),
            ],
            asset_checks=[*checks, runs_keep_the_rules, boamps_reports_are_valid] if self.warehouse else checks,
            jobs=[*([load_job, archive_job] if self.warehouse else []), *([daily_report_job] if daily else [])],
            schedules=[
                *([daily_archive] if automation else []),
                *([daily_report_schedule] if automation and daily else []),
            ],
            sensors=[landed_records] if automation else [],
            resources=self._resources(),
        )

    def _resources(self) -> dict[str, Any]:
        hardware = HardwareResource()
        warehouse = WarehouseResource(**given(self, StorageOptions))
        location = LocationResource(**given(self, LocationOptions))
        emissions = EmissionsResource(
            hardware=hardware, location=location, warehouse=warehouse, **given(self, MeasuringOptions)
        )
        return carbon_resources(
            {
                "hardware": hardware,
                "location": location,
                "warehouse": warehouse,
                "emissions": emissions,
                "report_context": ReportContextResource(**given(self, ReportOptions)),
            }
        )
