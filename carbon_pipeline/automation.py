"""Jobs, the daily schedule and the sensor that loads what has landed."""

import time
from collections.abc import Iterator

import dagster as dg

from carbon_pipeline.resources.warehouse import WarehouseResource

RETRY_S = 600

pipeline_job = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all(),
    description="The whole way: train under tracking, record, load, report.",
)

load_job = dg.define_asset_job(
    "load",
    selection=dg.AssetSelection.assets("runs", "reports"),
    description="Loads the records that have landed and publishes the reports.",
)

daily_pipeline = dg.ScheduleDefinition(
    name="daily_pipeline",
    job=pipeline_job,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    description="Runs the whole pipeline every day at 03:00 UTC. Stopped until you start it.",
)


@dg.sensor(job=load_job, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def landed_records(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Loads when a record has landed that the warehouse does not hold, wherever it was tracked."""
    pending = warehouse.open().pending()
    if not pending:
        yield dg.SkipReason("nothing has landed since the last load")
        return
    # The same files start one run, and another one only after a while, in case that one failed.
    slot = int(time.time() // RETRY_S)
    yield dg.RunRequest(run_key=f"{len(pending)} files up to {pending[-1].name}, {slot}")
