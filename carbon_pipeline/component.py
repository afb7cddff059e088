"""The Dagster component `carbon_pipeline.CarbonTracking`: brings all of this into a project that exists, in YAML."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field

from carbon_pipeline.assets.reports import boamps_reports, daily_report, reports
from carbon_pipeline.assets.warehouse import landing_archive, runs
from carbon_pipeline.automation import (
    archive_job,
    daily_archive,
    daily_report_job,
    daily_report_schedule,
    landed_records,
    load_job,
)
from carbon_pipeline.checks import boamps_reports_are_valid, runs_keep_the_rules
from carbon_pipeline.resources.emissions import EmissionsResource
from carbon_pipeline.resources.hardware import HardwareResource
from carbon_pipeline.resources.location import LocationResource
from carbon_pipeline.resources.report_context import ReportContextResource
from carbon_pipeline.resources.together import carbon_resources
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.watching import asset_key, carbon_budget, energy_regression


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


class CarbonTracking(dg.Component, dg.Model, dg.Resolvable):
    """Resources for `@tracked`, the warehouse of all runs, its checks, schedules and reports.

    All attributes are optional; what is not given comes from the environment variables.

    Attributes:
        data_dir: folder in which records, warehouse and reports lie.
        project_name: project of all runs.
        country_iso_code: where the machines stand, two or three letters.
        region: region within the country.
        geolocation: whether ip-api.com may be asked where a machine stands.
        carbon_intensity_g_per_kwh: of the electricity, if you know it.
        pue: power usage effectiveness of the site.
        report_context: YAML file with what no machine can know of BoAmps reports.
        warehouse: whether to bring the assets runs, reports, boamps_reports and landing_archive with their checks.
        after: tracked assets that `runs` follows, so that one launch of all loads and reports what they have used.
        daily_report: whether to bring the asset daily_report as well, which has a partition for each day.
        automation: whether to bring the sensor that loads what has landed, the schedules.
        budgets: budgets of assets.
        regressions: watches on the energy of assets.
    """

    data_dir: str | None = None
    project_name: str | None = None
    country_iso_code: str | None = None
    region: str | None = None
    geolocation: bool | None = None
    carbon_intensity_g_per_kwh: float | None = None
    pue: float | None = None
    report_context: str | None = None
    warehouse: bool = True
    after: list[str] = Field(default_factory=list)
    daily_report: bool = False
    automation: bool = True
    budgets: list[Budget] = Field(default_factory=list)
    regressions: list[Regression] = Field(default_factory=list)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions that the component adds.

        Args:
            context: where the component stands.

        Returns:
            The definitions.
        """
        checks: list[Any] = [carbon_budget(**dict(budget)) for budget in self.budgets]
        checks += [energy_regression(**dict(regression)) for regression in self.regressions]
        automation = self.automation and self.warehouse
        daily = self.warehouse and self.daily_report
        return dg.Definitions(
            assets=[
                *([_after(runs, self.after), reports, boamps_reports, landing_archive] if self.warehouse else []),
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
        warehouse = WarehouseResource(data_dir=self.data_dir)
        location = LocationResource(
            country_iso_code=self.country_iso_code, region=self.region, geolocation=self.geolocation
        )
        emissions = EmissionsResource(
            hardware=hardware,
            location=location,
            warehouse=warehouse,
            carbon_intensity_g_per_kwh=self.carbon_intensity_g_per_kwh,
            pue=self.pue,
            project_name=self.project_name,
        )
        return carbon_resources(
            {
                "hardware": hardware,
                "location": location,
                "warehouse": warehouse,
                "emissions": emissions,
                "report_context": ReportContextResource(file=self.report_context),
            }
        )


def _after(asset: dg.AssetsDefinition, keys: list[str]) -> dg.AssetsDefinition:
    """The asset behind others than those that it follows here: in another project these do not exist."""
    return asset.map_asset_specs(lambda spec: spec.replace_attributes(deps=[asset_key(key) for key in keys]))
