"""How long the jobs take as a whole, beside the same jobs with Dagster's default executor: a new process for each step.

Run with `make bench`. Each run is a new process of its own, as Dagster's launcher starts one. The aims: `load` at most
0.3 times, `pipeline` at most 0.5 times, without the seconds of the idle baseline.
"""

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import dagster as dg

from carbon_pipeline.definitions import defs

ROUNDS = 3
BASELINE_S = 1.0


def load() -> Any:
    """The job `load`."""
    return defs.resolve_job_def("load")


def load_spawned() -> Any:
    """The same with Dagster's default executor."""
    return load().with_executor_def(dg.multiprocess_executor)


def pipeline() -> Any:
    """The job `pipeline`."""
    return defs.resolve_job_def("pipeline")


def pipeline_spawned() -> Any:
    """The same with Dagster's default executor."""
    return pipeline().with_executor_def(dg.multiprocess_executor)


JOBS = {job.__name__: job for job in (load, load_spawned, pipeline, pipeline_spawned)}


def run_alone(name: str) -> None:
    """Runs a job once."""
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if name.startswith("pipeline"):
        config["ops"] = {"idle_baseline": {"config": {"seconds": BASELINE_S, "max_age_days": 0}}}
    with dg.DagsterInstance.get() as instance:
        assert dg.execute_job(dg.reconstructable(JOBS[name]), instance=instance, run_config=config).success


def main() -> None:
    """Prints the shortest of several times, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            CARBON_DATA_DIR=f"{folder}/data",
            CARBON_GEOLOCATION="off",
            DAGSTER_HOME=folder,
            DAGSTER_DISABLE_TELEMETRY="1",
        )
        for name, aim, spent in (("load", 0.3, 0.0), ("pipeline", 0.5, BASELINE_S)):
            times: dict[str, list[float]] = {name: [], f"{name}_spawned": []}
            for _ in range(ROUNDS):
                for job, taken in times.items():
                    began = time.perf_counter()
                    subprocess.run([sys.executable, __file__, job], check=True, capture_output=True)
                    taken.append(time.perf_counter() - began - spent)
            ours, theirs = (min(taken) for taken in times.values())
            ratio = f"{ours / theirs:.2f} times (aim: at most {aim})"
            print(f"{name:<10} {ours:.2f} s, default executor {theirs:.2f} s: {ratio}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        run_alone(sys.argv[1])
    else:
        main()
