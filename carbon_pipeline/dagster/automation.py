"""Jobs, daily schedules, and the sensor that loads what has landed or was placed in the inbox.

https://docs.dagster.io/guides/automate
"""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.ingest.files import fingerprint

RETRY_S = 600

load_job = dg.define_asset_job(
    "load",
    selection=dg.AssetSelection.assets("runs", "reports", "boamps_reports"),
    description="Loads what has landed or is in the inbox, and publishes the reports.",
)

archive_job = dg.define_asset_job(
    "archive",
    selection=dg.AssetSelection.assets("landing_archive"),
    description="Compacts the loaded records of past days.",
)

daily_report_job = dg.define_asset_job(
    "report_days",
    selection=dg.AssetSelection.assets("daily_report"),
    description="Writes the runs of a day, or of many days at once.",
)

daily_report_schedule = dg.build_schedule_from_partitioned_job(
    daily_report_job,
    name="daily_report_schedule",
    hour_of_day=4,
    description="Writes the runs of the day before every day at 04:00 UTC. Stopped until you start it.",
)

daily_archive = dg.ScheduleDefinition(
    name="daily_archive",
    job=archive_job,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Compacts the loaded records of past days every day at 02:30 UTC.",
)


@dg.sensor(job=load_job, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def landed_records(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Load when the warehouse lacks a landed record or a file of the inbox, or when something else, such as a check or
    the command line, has loaded since `runs` was materialized.
    """
    opened = warehouse.open()
    pending = opened.pending()
    if not pending:
        loaded_at = opened.last_load()
        if loaded_at is None or loaded_at.timestamp() <= _materialized_at(context.instance):
            yield dg.SkipReason("nothing has landed or was placed in the inbox since the last load")
        else:
            yield dg.RunRequest(run_key=f"loaded at {loaded_at}")
        return
    # The same files start one run, and another one only after a while, in case that one failed.
    slot = int(time.time() // RETRY_S)
    digest = hashlib.sha256(json.dumps([_state(path) for path in pending]).encode()).hexdigest()
    yield dg.RunRequest(run_key=f"{len(pending)} files, {digest[:16]}, {slot}")


def _materialized_at(instance: dg.DagsterInstance) -> float:
    """When `runs` was materialized last, seconds since 1970."""
    event = instance.get_latest_materialization_event(dg.AssetKey("runs"))
    return event.timestamp if event else 0.0


def _state(path: Path) -> str:
    """The name of a file and its fingerprint; a killed run has no file yet."""
    return f"{printable_path(path)} {fingerprint(path) if path.exists() else ''}"
