"""The Dagster project of the example: the warehouse's definitions with the regression upstream of them."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from carbon_pipeline.dagster.assets.baseline import idle_baseline
from carbon_pipeline.dagster.budgets import carbon_budget
from carbon_pipeline.dagster.regression import energy_regression
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.dagster.warehouse_definitions import warehouse_definitions, with_code_references
from carbon_pipeline.example.field_record import field_record, field_record_is_sound
from carbon_pipeline.example.pipeline import daily_pipeline, pipeline_job
from carbon_pipeline.example.training import loss_curve, regression_model, training_data

MONTHLY_KWH = 1.0
"""The budget of the regression."""


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Build the whole project.

    Returns:
        The definitions of all assets, checks, jobs, schedules, sensors and resources.
    """
    example = dg.Definitions(
        assets=with_code_references([idle_baseline, training_data, regression_model, loss_curve, field_record]),
        asset_checks=[
            field_record_is_sound,
            carbon_budget(regression_model.key, max_kwh=MONTHLY_KWH, period="month"),
            energy_regression(regression_model.key),
        ],
        jobs=[pipeline_job],
        schedules=[daily_pipeline],
        resources=carbon_resources(resource_overrides),
    )
    return dg.Definitions.merge(example, warehouse_definitions(after=[field_record.key]))
