"""Jobs, daily schedules, and the sensor that loads what has landed or was placed in the inbox.

https://docs.dagster.io/guides/automate
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from carbon_pipeline.common.files import printable_path
from carbon_pipeline.dagster.known_assets import KnownAssets
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.ingest.files import fingerprint

RETRY_S = 600
QUIET_S = 10
"""What lands within so many seconds of each other is loaded by one run."""
LONGEST_WAIT_S = 60
"""Nobody waits longer than that for others that go on landing."""

LOAD_TAG = "carbon/load"
"""On the runs that only load: people look for the others."""


def load_job(names: Names, required: Mapping[str, list[dg.AssetKey]]) -> Any:
    """Make the job that loads: in one process, since each step of its own would start another one.

    Args:
        names: what it is called.
        required: assets that have to be there, see `KnownAssets`.
    """
    keys = [names.key(name) for name in ("runs", "reports", "boamps_reports", "report_page")]
    return dg.define_asset_job(
        names.name("load"),
        selection=KnownAssets(keys, required),
        description="Loads what has landed or is in the inbox, and publishes the reports.",
        executor_def=dg.in_process_executor,
        tags={LOAD_TAG: "true"},
    )


def archive_job(names: Names) -> Any:
    """Make the job that compacts the landing folder."""
    return dg.define_asset_job(
        names.name("archive"),
        selection=dg.AssetSelection.assets(names.key("landing_archive")),
        description="Compacts the loaded records of past days.",
        executor_def=dg.in_process_executor,
        tags={LOAD_TAG: "true"},
    )


def daily_report_job(names: Names) -> Any:
    """Make the job of the daily reports."""
    return dg.define_asset_job(
        names.name("report_days"),
        selection=dg.AssetSelection.assets(names.key("daily_report")),
        description="Writes the runs of a day, or of many days at once.",
        executor_def=dg.in_process_executor,
    )


def daily_report_schedule(names: Names, job: Any) -> Any:
    """Make the schedule of the daily reports; stopped until somebody starts it."""
    return dg.build_schedule_from_partitioned_job(
        job,
        name=names.name("daily_report_schedule"),
        hour_of_day=4,
        description="Writes the runs of the day before every day at 04:00 UTC. Stopped until you start it.",
    )


def daily_archive(names: Names, job: Any) -> dg.ScheduleDefinition:
    """Make the schedule that compacts the landing folder."""
    return dg.ScheduleDefinition(
        name=names.name("daily_archive"),
        job=job,
        cron_schedule="30 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compacts the loaded records of past days every day at 02:30 UTC.",
    )


def landed_records(names: Names, job: Any) -> dg.SensorDefinition:
    """Make the sensor that starts the job `load`."""
    runs = names.key("runs")

    @dg.sensor(
        name=names.name("landed_records"),
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def landed(
        context: dg.SensorEvaluationContext, carbon_warehouse: WarehouseResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Load when the warehouse lacks a landed record or a file of the inbox, or when something else, such as a check
        or the command line, has loaded since `runs` was materialized.
        """
        opened = carbon_warehouse.open()
        pending = opened.pending()
        if not pending:
            loaded_at = opened.last_load()
            if loaded_at is None or loaded_at.timestamp() <= _materialized_at(context.instance, runs):
                yield dg.SkipReason("nothing has landed or was placed in the inbox since the last load")
            else:
                yield dg.RunRequest(run_key=f"loaded at {loaded_at}")
            return
        ages = [time.time() - path.stat().st_mtime for path in pending if path.exists()]
        if ages and 0 <= min(ages) < QUIET_S and max(ages) < LONGEST_WAIT_S:
            yield dg.SkipReason(f"{len(pending)} files, the last one {min(ages):.0f} s ago: more may follow")
            return
        # The same files start one run, and another one only after a while, in case that one failed.
        slot = int(time.time() // RETRY_S)
        digest = hashlib.sha256(json.dumps([_state(path) for path in pending]).encode()).hexdigest()
        yield dg.RunRequest(run_key=f"{len(pending)} files, {digest[:16]}, {slot}")

    return landed


def _materialized_at(instance: dg.DagsterInstance, runs: dg.AssetKey) -> float:
    """When `runs` was materialized last, seconds since 1970."""
    event = instance.get_latest_materialization_event(runs)
    return event.timestamp if event else 0.0


def _state(path: Path) -> str:
    """The name of a file and its fingerprint; a killed run has no file yet."""
    return f"{printable_path(path)} {fingerprint(path) if path.exists() else ''}"
