"""The only place where assets, resources, checks, jobs, schedules and sensors are wired together."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from carbon_pipeline.assets.baseline import idle_baseline
from carbon_pipeline.assets.records import field_record
from carbon_pipeline.assets.reports import boamps_reports, daily_report, reports
from carbon_pipeline.assets.training import regression_model, training_data
from carbon_pipeline.assets.warehouse import landing_archive, runs
from carbon_pipeline.automation import (
    archive_job,
    daily_archive,
    daily_pipeline,
    daily_report_job,
    daily_report_schedule,
    landed_records,
    load_job,
    pipeline_job,
)
from carbon_pipeline.checks import ALL_CHECKS
from carbon_pipeline.resources.together import carbon_resources


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole project.

    Args:
        resource_overrides: resources by name, in place of the ones below.

    Returns:
        The definitions.
    """
    return dg.Definitions(
        assets=[
            idle_baseline,
            training_data,
            regression_model,
            field_record,
            runs,
            reports,
            boamps_reports,
            daily_report,
            landing_archive,
        ],
        asset_checks=ALL_CHECKS,
        jobs=[pipeline_job, load_job, archive_job, daily_report_job],
        schedules=[daily_pipeline, daily_archive, daily_report_schedule],
        sensors=[landed_records],
        resources=carbon_resources(resource_overrides),
    )


defs = build_defs()
