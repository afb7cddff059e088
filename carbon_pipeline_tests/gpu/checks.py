"""Holds what this package measures on a real NVIDIA GPU against NVML read directly, in about four minutes.

Run with `make test-gpu`. Prints a table of Markdown, whose rows hold, fail or were not run. The exit status is 0 if all
hold, 1 if one fails or was not run (`--may-skip` allows the latter), and 2 if there is no GPU.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.model.interval import FACTORS
from carbon_pipeline.probes.gpu_use import GpuUse, GpuUseCounter
from carbon_pipeline.probes.gpus import VISIBLE, gpus_to_measure, probe_gpus
from carbon_pipeline_tests.gpu import rows
from carbon_pipeline_tests.gpu.rows import Row

ROOT = Path(__file__).parents[2]
ENERGY_TOLERANCE = 0.01
USE_TOLERANCE = 0.15
"""The driver's samples are whole percents, and the last ones come up to a second late."""

MEMORY_TOLERANCE = 0.05
READ_MS = 5.0
"""A reading of the use by process is made once a second: half a percent of the time."""

LOAD_FACTOR = 1.3
"""Least power of the loaded GPUs, relative to idle; more would fail where only one of eight is loaded."""

PERIOD_S, HEAVY_S, LIGHT_S = 5.0, (0.0, 3.0), (3.5, 4.5)
"""Two processes take turns, so that each has its multiprocessors for a known part of the time. A turn is longer than a
driver's sample (1/6 s to 1 s), which counts for one process as a whole."""

HEAVY_GIB, LIGHT_GIB = 2.0, 1.0


class NotRunError(Exception):
    """A check cannot be made here; the message gives the reason."""


class Gpus(NamedTuple):
    """The GPUs of this machine that may be used.

    Attributes:
        indexes: their NVML indexes; the first one is loaded.
        uuid: UUID of the first one.
        title: model, driver and versions.
    """

    indexes: list[int]
    uuid: str
    title: str


def find_gpus() -> Gpus:
    """Find the GPUs, which `CUDA_VISIBLE_DEVICES` may limit.

    Raises:
        NotRunError: there is none.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
        indexes = gpus_to_measure() or list(range(count))
        uuid = pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(indexes[0]))
    except Exception as error:  # noqa: BLE001 - no library, no driver, no GPU: NVML has exceptions of its own
        raise NotRunError(str(error) or type(error).__name__) from None
    probed = probe_gpus()
    title = f"{probed['gpu_model'].value}, driver {probed['gpu_driver'].value}, CodeCarbon {version('codecarbon')}"
    return Gpus(indexes, uuid, f"{title}, {date.today()}")


@contextmanager
def load(
    uuid: str, busy_s: tuple[float, float] = (0.0, 1.0), period_s: float = 1.0, gib: float = 0.125
) -> Iterator[int]:
    """Load a GPU with another process and yield its PID; load.py describes the arguments.

    Raises:
        NotRunError: the GPU cannot be loaded.
    """
    options = {"--begin": busy_s[0], "--end": busy_s[1], "--period": period_s, "--gib": gib}
    arguments = [str(text) for option in options.items() for text in option]
    process = subprocess.Popen(
        [sys.executable, "-m", "carbon_pipeline_tests.gpu.load", *arguments],
        env={**os.environ, VISIBLE: uuid},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        if process.stdout.readline().strip() != "ready":
            raise NotRunError(f"the GPU could not be loaded: {_last_line(process.stderr.read())}")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def start_tracked(
    seconds: float, gpus: Sequence[int], *options: str, visible: str | None = None
) -> subprocess.Popen[str]:
    """Start tracked.py without the settings of this machine."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CARBON_", "CODECARBON_", "CLOUD_"))
    }
    if visible is not None:
        environment[VISIBLE] = visible
    indexes = ",".join(map(str, gpus))
    command = [sys.executable, "-m", "carbon_pipeline_tests.gpu.tracked", "--seconds", str(seconds), "--gpus", indexes]
    return subprocess.Popen(
        [*command, *options], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for tracked.py and return what it printed.

    Raises:
        NotRunError: it could not do its work here.
        RuntimeError: it failed.
    """
    output, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(_last_line(errors))
    found: dict[str, Any] = json.loads(_last_line(output))
    if reason := found.get("not_run"):
        raise NotRunError(reason)
    return found


def energy_row(what: str, found: dict[str, Any]) -> Row:
    """The energy of the record against the difference of the counters, by the method that the record names."""
    tracked_j, direct_j, method = found["gpu_energy_j"], found["direct_j"], found["gpu_method"]
    if direct_j is None:
        return rows.not_run(what, "NVML has no energy counter of this GPU")
    if tracked_j is None:
        return rows.failed(what, f"the record has no GPU energy, gpu_method is {method}")
    if method == "nvml_sampled":
        factor = FACTORS[method]
        return rows.in_interval(f"{what}, sampled power", direct_j, tracked_j, "J", factor.low, factor.high)
    return rows.near(f"{what}, {method}", direct_j, tracked_j, "J", ENERGY_TOLERANCE)


def check_counter(gpus: Gpus, seconds: float) -> Iterator[Row]:
    """Idle and under load, by the energy counter; the load must be visible in the power."""
    idle = result_of(start_tracked(seconds, gpus.indexes))
    yield energy_row("idle GPU", idle)
    with load(gpus.uuid):
        loaded = result_of(start_tracked(seconds, gpus.indexes))
    yield energy_row("loaded GPU", loaded)
    idle_w, loaded_w = ((found["gpu_energy_j"] or 0.0) / found["duration_s"] for found in (idle, loaded))
    yield rows.at_least("power under load", LOAD_FACTOR * idle_w, loaded_w, "W")


def check_sampled(gpus: Gpus, seconds: float) -> Iterator[Row]:
    """Without the energy counter, under a constant load and under one that changes every second."""
    for what, busy_s, period_s in (("loaded GPU", (0.0, 1.0), 1.0), ("load in bursts of 1 s", (0.0, 1.0), 2.0)):
        with load(gpus.uuid, busy_s, period_s):
            found = result_of(start_tracked(seconds, gpus.indexes, "--without-counter"))
        yield rows.same(f"{what} without a counter, method", "nvml_sampled", found["gpu_method"])
        yield energy_row(what, found)


def check_visible(gpus: Gpus, seconds: float) -> Iterator[Row]:
    """`CUDA_VISIBLE_DEVICES` by index and by UUID, at the same time."""
    first, names = gpus.indexes[0], {"index": str(gpus.indexes[0]), "UUID": gpus.uuid}
    with load(gpus.uuid):
        started = {kind: start_tracked(seconds, [first], visible=name) for kind, name in names.items()}
        for kind, process in started.items():
            found = result_of(process)
            yield rows.same(f"{VISIBLE} by {kind}, GPUs", 1, found["gpu_tracked_count"])
            yield energy_row(f"{VISIBLE} by {kind}", found)


def check_processes(gpus: Gpus, seconds: float) -> Iterator[Row]:
    """Two processes that take turns on the GPU, and one that does not use it."""
    with (
        load(gpus.uuid, HEAVY_S, PERIOD_S, HEAVY_GIB) as heavy,
        load(gpus.uuid, LIGHT_S, PERIOD_S, LIGHT_GIB) as light,
    ):
        pids = {"heavy": heavy, "light": light, "neither": os.getpid()}
        counters = {name: GpuUseCounter(gpus.indexes[:1]) for name in pids}
        uses, costs_ms, began = {name: GpuUse() for name in pids}, [], time.perf_counter()
        while (elapsed_s := time.perf_counter() - began) < seconds:
            time.sleep(min(1.0, seconds - elapsed_s))
            for name, counter in counters.items():
                before = time.perf_counter()
                uses[name] = counter.read([pids[name]])
                costs_ms.append(1000 * (time.perf_counter() - before))
    yield from use_rows(uses, elapsed_s)
    yield rows.at_most("reading the use of one GPU, median", READ_MS, statistics.median(costs_ms), "ms")


def use_rows(uses: dict[str, GpuUse], elapsed_s: float) -> Iterator[Row]:
    """The use by two processes, `heavy` and `light`, and one that uses no GPU, `neither`, against what they did."""
    unknown = "NVML does not report it, or not under the process's PID"
    for what, name, expected in (
        ("GPU use of the heavy process", "heavy", (HEAVY_S[1] - HEAVY_S[0]) / PERIOD_S),
        ("GPU use of the light process", "light", (LIGHT_S[1] - LIGHT_S[0]) / PERIOD_S),
        ("GPU use of a process without a GPU", "neither", 0.0),
    ):
        gpu_s = uses[name].gpu_s
        if gpu_s is None:
            yield rows.not_run(what, unknown)
        else:
            yield rows.near(what, expected, gpu_s / elapsed_s, "GPU", USE_TOLERANCE if expected else 0)
    # The difference, since each process also has some hundred megabytes for CUDA itself.
    what, memories = "GPU memory, heavy less light", (uses["heavy"].gpu_memory_gb_s, uses["light"].gpu_memory_gb_s)
    if memories[0] is None or memories[1] is None:
        yield rows.not_run(what, unknown)
    else:
        measured = (memories[0] - memories[1]) / elapsed_s
        yield rows.near(what, HEAVY_GIB - LIGHT_GIB, measured, "GiB", MEMORY_TOLERANCE)


def check_pytorch(gpus: Gpus, seconds: float) -> Iterator[Row]:
    """A training with PyTorch under `track`."""
    found = result_of(start_tracked(seconds, gpus.indexes[:1], "--train", visible=gpus.uuid))
    yield energy_row("training with PyTorch", found)


CHECKS: dict[str, Callable[[Gpus, float], Iterator[Row]]] = {
    "energy counter": check_counter,
    "sampled power": check_sampled,
    VISIBLE: check_visible,
    "use by process": check_processes,
    "training with PyTorch": check_pytorch,
}


def run_checks(gpus: Gpus, seconds: float) -> Iterator[Row]:
    """Run all checks; one that cannot be run or fails is a row too."""
    for what, check in CHECKS.items():
        try:
            yield from check(gpus, seconds)
        except NotRunError as reason:
            yield rows.not_run(what, str(reason))
        except Exception as error:  # noqa: BLE001 - the other checks go on
            yield rows.failed(what, f"{type(error).__name__}: {error}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and print the table.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m carbon_pipeline_tests.gpu", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="duration of each measurement (20)")
    parser.add_argument("--may-skip", action="store_true", help="exit with 0 although some checks were not run")
    told = parser.parse_args(arguments)
    try:
        gpus = find_gpus()
    except NotRunError as reason:
        print(f"There is no NVIDIA GPU on this machine that NVML can see ({reason}); nothing was checked.")
        return 2
    print(f"{gpus.title}\n", *rows.HEADER, sep="\n", flush=True)
    found = []
    for row in run_checks(gpus, told.seconds):
        print(row, flush=True)
        found.append(row)
    counts = {
        verdict: sum(row.verdict == verdict for row in found) for verdict in (rows.HOLDS, rows.FAILS, rows.NOT_RUN)
    }
    print("\n" + ", ".join(f"{verdict}: {count}" for verdict, count in counts.items()))
    return rows.exit_status(found, may_skip=told.may_skip)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]
