"""The Dagster project of the example: the reusable assets with the regression upstream of them."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from carbon_pipeline.dagster.assets.archive import landing_archive
from carbon_pipeline.dagster.assets.baseline import idle_baseline
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
from carbon_pipeline.dagster.checks import boamps_reports_are_valid, runs_keep_the_rules
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.example.field_record import field_record, field_record_is_sound
from carbon_pipeline.example.pipeline import daily_pipeline, pipeline_job
from carbon_pipeline.example.training import regression_model, training_data


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Build the whole project.

    Returns:
        The definitions of all assets, checks, jobs, schedules, sensors and resources.
    """
    return dg.Definitions(
        assets=[
            idle_baseline,
            training_data,
            regression_model,
            field_record,
            runs_after([field_record.key]),
            reports,
            boamps_reports,
            daily_report,
            landing_archive,
        ],
        asset_checks=[field_record_is_sound, runs_keep_the_rules, boamps_reports_are_valid],
        jobs=[pipeline_job, load_job, archive_job, daily_report_job],
        schedules=[daily_pipeline, daily_archive, daily_report_schedule],
        sensors=[landed_records],
        resources=carbon_resources(resource_overrides),
    )
