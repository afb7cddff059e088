"""The job that runs the whole example, and its daily schedule.

https://docs.dagster.io/guides/automate/schedules
"""

import dagster as dg

from carbon_pipeline.dagster.executors import forking_executor

pipeline_job = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets("landing_archive", "daily_report"),
    description="Train the regression under tracking, load its record into the warehouse and write the reports.",
    executor_def=forking_executor("carbon_pipeline.definitions", "vl_convert"),
)

daily_pipeline = dg.ScheduleDefinition(
    name="daily_pipeline",
    job=pipeline_job,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    description="Run the whole pipeline every day at 03:00 UTC. Stopped by default.",
)
