"""What tracking adds to a Dagster step, beside bare CodeCarbon in the same step.

Run with `make bench`. The aims: a step in a process of its own takes at most 0.15 s more where the job has the executor
of `forking_executor`; in a process that is warm, `@tracked` adds less than 20 ms to an asset that does nothing.
"""

import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import dagster as dg

from carbon_pipeline import tracked
from carbon_pipeline.dagster.executors import forking_executor
from carbon_pipeline.dagster.resources.carbon_resources import carbon_resources

ROUNDS = 4
WARM_ROUNDS = 15


@dg.asset
def untracked_step() -> None:
    """Does nothing."""


@dg.asset
@tracked
def tracked_step() -> None:
    """Does nothing, under tracking."""


@dg.asset
def codecarbon_step() -> None:
    """Does nothing, under bare CodeCarbon."""
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(country_iso_code="FRA", output_methods=[], log_level="error")
    tracker.start()
    tracker.stop()


def make_job() -> Any:
    """One job with the three steps, one process after the other."""
    return _job(dg.multiprocess_executor)


def make_forking_job() -> Any:
    """The same, each process a copy of one in which all is imported."""
    return _job(forking_executor())


def _job(executor: dg.ExecutorDefinition) -> Any:
    return dg.Definitions(
        assets=[untracked_step, tracked_step, codecarbon_step],
        jobs=[dg.define_asset_job("steps")],
        resources=carbon_resources(),
        executor=executor,
    ).resolve_job_def("steps")


def main(make: Callable[[], Any], what: str) -> None:
    """Prints the time of each step and what tracking adds."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(CARBON_DATA_DIR=folder, CARBON_GEOLOCATION="off", CARBON_COUNTRY_ISO_CODE="FR")
        os.environ["CODECARBON_LOG_LEVEL"] = "critical"
        seconds = defaultdict(list)
        with dg.instance_for_test(overrides={"python_logs": {"python_log_level": "CRITICAL"}}) as instance:
            for _ in range(ROUNDS):
                result = dg.execute_job(
                    dg.reconstructable(make),
                    instance=instance,
                    run_config={
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                        "execution": {"config": {"max_concurrent": 1}},
                    },
                )
                assert result.success
                for stats in instance.get_run_step_stats(result.run_id):
                    assert stats.start_time is not None
                    assert stats.end_time is not None
                    seconds[stats.step_key].append(stats.end_time - stats.start_time)
    took = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in took.items():
        print(f"{name:<20} {value:.3f} s")
    ours, theirs = (took[name] - took["untracked_step"] for name in ("tracked_step", "codecarbon_step"))
    print(f"{what}: tracking adds {ours:.3f} s, bare CodeCarbon {theirs:.3f} s: {ours / theirs:.2f} times as much")


def warm() -> None:
    """Prints the same for steps that run one after the other in this process."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(CARBON_DATA_DIR=folder, CARBON_GEOLOCATION="off", CARBON_COUNTRY_ISO_CODE="FR")
        seconds = defaultdict(list)
        with dg.instance_for_test(overrides={"python_logs": {"python_log_level": "CRITICAL"}}) as instance:
            job = make_job()
            for _ in range(WARM_ROUNDS + 1):
                result = job.execute_in_process(
                    instance=instance, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
                )
                for stats in instance.get_run_step_stats(result.run_id):
                    seconds[stats.step_key].append((stats.end_time or 0) - (stats.start_time or 0))
    took = {name: statistics.median(values[1:]) for name, values in seconds.items()}  # the first round warms up
    ours, theirs = (1000 * (took[name] - took["untracked_step"]) for name in ("tracked_step", "codecarbon_step"))
    print(f"a warm process: tracking adds {ours:.1f} ms, bare CodeCarbon {theirs:.1f} ms: {ours / theirs:.2f} times")


if __name__ == "__main__":
    main(make_job, "a new process")
    main(make_forking_job, "a copied process")
    warm()
