"""A project whose steps run on a Ray cluster: its assets know nothing of that.

Where jobs are submitted is in RAY_API_SERVER_ADDRESS of the run. As `address` of the executor it would be needed by
each step too, since a step checks the configuration of its run again.
"""

import os
import time
from pathlib import Path

import dagster as dg
from dagster_ray import ray_executor

from carbon_pipeline import tracked

RELEASE = "CARBON_TEST_RELEASE"
"""Environment variable with the path of a file: the work goes on until it is there."""


def _asset(number: int) -> dg.AssetsDefinition:
    @dg.asset(name=f"model_{number}", group_name="eight", retry_policy=dg.RetryPolicy(max_retries=2))
    @tracked
    def model(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        deadline = time.monotonic() + 200
        while not Path(os.environ[RELEASE]).exists() and time.monotonic() < deadline:
            sum(range(10_000))
            time.sleep(0.05)
        return dg.MaterializeResult(metadata={"storage": type(context.instance.event_log_storage).__name__})

    return model


@dg.asset(group_name="gpu", op_tags={"dagster-ray/config": {"num_gpus": 1}})
@tracked
def on_a_gpu() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "(not set)")})


defs = dg.Definitions(
    assets=[*(_asset(number) for number in range(8)), on_a_gpu],
    jobs=[dg.define_asset_job(name, dg.AssetSelection.groups(name)) for name in ("eight", "gpu")],
    executor=ray_executor.configured({"ray": {"num_cpus": 1, "env_vars": [RELEASE]}}),
)
