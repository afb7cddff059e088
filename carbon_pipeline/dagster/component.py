"""The Dagster component `carbon_pipeline.CarbonTracking`: brings the whole package into an existing project, in YAML.

https://docs.dagster.io/guides/build/components
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

import dagster as dg
from pydantic import Field

from carbon_pipeline.dagster.budgets import carbon_budget
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.regression import energy_regression
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.dagster.resources.hardware import HardwareResource
from carbon_pipeline.dagster.resources.location import LocationResource
from carbon_pipeline.dagster.resources.report_context import ReportContextResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.warehouse_definitions import warehouse_definitions
from carbon_pipeline.settings import (
    LocationOptions,
    MeasuringOptions,
    ReportOptions,
    StorageOptions,
    explain_wrong,
    given,
)


class Budget(dg.Model):
    """A budget of an asset, see `carbon_budget`."""

    asset: str
    max_kg: float | None = None
    max_kwh: float | None = None
    period: Literal["run", "day", "month"] = "run"
    at: Literal["meter", "wall"] = "meter"
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


class CarbonTrackingScaffolder(dg.Scaffolder[Any]):
    """Writes a `defs.yaml` with what each attribute means."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the file.

        Args:
            request: where.
        """
        if request.append or request.scaffold_format != "yaml":
            dg.scaffold_component(request, {})
            return
        request.target_path.mkdir(parents=True, exist_ok=True)
        (request.target_path / "defs.yaml").write_text(f"type: {request.type_name}\n\n{SCAFFOLD}", encoding="utf-8")


SCAFFOLD = """\
# All attributes are optional; what is not given comes from the environment variables (CARBON_...).
attributes:
  automation: true              # schedules, and the sensor that loads what has landed
  # data_dir: data              # where records, warehouse and reports lie
  # country_iso_code: FR        # without it ip-api.com is asked once a day
  # pue: 1.0                    # power usage effectiveness of the site
  # after: [my_model]           # tracked assets that `runs` waits for
  # daily_report: false         # a CSV file for each day
  # key_prefix: energy          # before the keys of the assets runs, reports, ...
  # name_prefix: energy_        # before the names of jobs, schedules, sensors and groups
  # budgets:
  #   - {asset: my_model, max_kwh: 0.5, period: month}   # run, day or month; at: wall for the upper end
  # regressions:
  #   - {asset: my_model}
"""


@dg.scaffold_with(CarbonTrackingScaffolder)
class CarbonTracking(
    dg.Component, LocationOptions, MeasuringOptions, StorageOptions, ReportOptions, dg.Model, dg.Resolvable
):
    """Resources that override the environment, the warehouse of all runs, its checks, schedules and reports.

    All attributes are optional; the settings among them that are not given come from the environment variables.

    Attributes:
        warehouse: whether to bring the assets runs, reports, boamps_reports, report_page and landing_archive, with
            their checks.
        after: tracked assets upstream of `runs`, so that one launch of all loads and reports what they have used.
        daily_report: whether to bring the asset daily_report as well, which has a partition for each day.
        automation: whether to bring the schedules, and the sensor that loads what has landed.
        budgets: budgets of assets.
        regressions: watches on the energy of assets.
        key_prefix: what the keys of the assets begin with.
        name_prefix: what the names of jobs, schedules, sensors and groups begin with.
    """

    warehouse: bool = True
    after: list[str] = Field(default_factory=list)
    daily_report: bool = False
    automation: bool = True
    budgets: list[Budget] = Field(default_factory=list)
    regressions: list[Regression] = Field(default_factory=list)
    key_prefix: str = ""
    name_prefix: str = ""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the definitions that the component adds.

        Raises:
            DagsterInvalidDefinitionError: an attribute is not usable, in one line that names it.
        """
        try:
            return self._definitions()
        except ValueError as error:
            raise dg.DagsterInvalidDefinitionError(f"CarbonTracking: {error}") from None

    def _definitions(self) -> dg.Definitions:
        for name in ("key_prefix", "name_prefix"):
            if not re.fullmatch(r"[A-Za-z0-9_/]*" if name == "key_prefix" else r"[A-Za-z0-9_]*", getattr(self, name)):
                raise ValueError(f"{name}: {getattr(self, name)!r} has characters other than letters, digits and _")
        if wrong := explain_wrong(**self._settings()):
            raise ValueError("; ".join(wrong))
        checks: list[Any] = [carbon_budget(**dict(budget)) for budget in self.budgets]
        checks += [energy_regression(**dict(regression)) for regression in self.regressions]
        _require_different_names(checks)
        own = dg.Definitions(asset_checks=checks, resources=self._resources())
        if not self.warehouse:
            return own
        names = Names(tuple(part for part in self.key_prefix.split("/") if part), self.name_prefix)
        warehouse = warehouse_definitions(
            names,
            self.after,
            daily_report=self.daily_report,
            automation=self.automation,
            required={
                "budgets": [budget.asset for budget in self.budgets],
                "regressions": [regression.asset for regression in self.regressions],
            },
        )
        return dg.Definitions.merge(own, warehouse)

    def _settings(self) -> dict[str, Any]:
        kinds = (LocationOptions, MeasuringOptions, StorageOptions, ReportOptions)
        return {name: value for kind in kinds for name, value in given(self, kind).items()}

    def _resources(self) -> dict[str, Any]:
        hardware = HardwareResource()
        warehouse = WarehouseResource(**given(self, StorageOptions))
        location = LocationResource(**given(self, LocationOptions))
        emissions = EmissionsResource(
            hardware=hardware, location=location, warehouse=warehouse, **given(self, MeasuringOptions)
        )
        return carbon_resources(
            {
                "carbon_hardware": hardware,
                "carbon_location": location,
                "carbon_warehouse": warehouse,
                "carbon_emissions": emissions,
                "carbon_report_context": ReportContextResource(**given(self, ReportOptions)),
            }
        )


def _require_different_names(checks: Iterable[dg.AssetChecksDefinition]) -> None:
    counts = Counter(check.check_key for check in checks)
    for key, count in counts.items():
        if count > 1:
            raise ValueError(f"{count} checks {key.name!r} of the asset {key.asset_key.to_user_string()!r}: name them")
