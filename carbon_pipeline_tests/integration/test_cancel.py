"""Dagster's own cancel button: the run that is ended leaves a record `cancelled`."""

import time
from pathlib import Path

import dagster as dg
import pytest

from carbon_pipeline import tracked
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources
from carbon_pipeline.tracking.landing import RUNNING
from carbon_pipeline.warehouse.warehouse import Warehouse


@dg.asset
@tracked
def endless() -> None:
    """Works until it is cancelled."""
    while True:
        time.sleep(0.05)


defs = dg.Definitions(
    assets=[endless], jobs=[dg.define_asset_job("endless_job", ["endless"])], resources=carbon_resources()
)


def test_a_run_that_is_cancelled_in_dagster_leaves_a_cancelled_record(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with dg.instance_for_test() as instance:
        from dagster._core.test_utils import poll_for_finished_run
        from dagster._core.workspace.context import WorkspaceProcessContext
        from dagster._core.workspace.load_target import PythonFileTarget

        target = PythonFileTarget(__file__, None, None, "here")
        with WorkspaceProcessContext(instance, target) as process_context:
            workspace = process_context.create_request_context()
            location = workspace.get_code_location("here")
            (repository,) = location.get_repositories().values()
            job = repository.get_full_job("endless_job")
            run = instance.create_run_for_job(
                defs.resolve_job_def("endless_job"),
                remote_job_origin=job.get_remote_origin(),
                job_code_origin=job.get_python_origin(),
            )
            instance.launch_run(run.run_id, workspace)
            heartbeats = data_dir / RUNNING
            end = time.monotonic() + 60
            while not (heartbeats.exists() and any(heartbeats.glob("[!.]*.json"))) and time.monotonic() < end:
                time.sleep(0.2)
            time.sleep(1)
            assert instance.run_launcher.terminate(run.run_id)
            finished = poll_for_finished_run(instance, run.run_id, timeout=60)
    assert finished.status == dg.DagsterRunStatus.CANCELED
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (row,) = warehouse.report("runs")
    assert (row["status"], row["dagster_run_id"], row["asset_key"]) == ("cancelled", run.run_id, "endless")
    assert row["energy_kwh"] > 0
    assert row["duration_s"] > 0.5
