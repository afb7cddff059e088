"""How far what is attributed to overlapping runs is from what the machine drew, on a machine whose curves are known.

Run with `make bench`. Simulated runs are divided by the model; real ones are processes, threads and nested blocks on a
fake machine. Aims: the sum over all runs within 1 % of the machine's energy over the union of their times, 5 % for
processes that are busy; each run's own share within 5 % of its true one where that is known.
"""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from carbon_pipeline_tests.fake_machine import HERE, J_PER_KWH, LOADS, FakeMachine, Power

SIMULATED_RUNS = 200
SCALE = 30
"""A load of two seconds is simulated as one of a minute, with about a sample a second."""

CHILD = f"""
import sys, time
{HERE}
from carbon_pipeline import track
with track("warm up", data_dir="elsewhere"): pass
print("ready", flush=True)
go = float(sys.stdin.readline())
began_s, ended_s, share = map(float, sys.argv[1:])
time.sleep(max(go + began_s - time.perf_counter(), 0))
with track("fit", sample_s=0.1):
    while (now := time.perf_counter()) < go + ended_s:
        while time.perf_counter() < now + 0.02 * share: sum(range(500))
        time.sleep(0.02 * (1 - share))
"""

SPANS = ((0.0, 1.3), (0.4, 2.0), (0.8, 1.6))


def simulated(load: str, chance: random.Random, *, nested: bool = False) -> tuple[float, float]:
    """Attribute one random set of runs: the error of the sum and the largest of a run, as shares of the whole."""
    import numpy as np

    from carbon_pipeline.model.attribution import CurveOfRun, attribute

    cpu, gpu = (Power([(at_s * SCALE, power_w) for at_s, power_w in knots]) for knots in LOADS[load])
    end_s = 2.0 * SCALE
    spans = [sorted(chance.uniform(0, end_s) for _ in range(2)) for _ in range(chance.randint(2, 5))]
    if nested:
        spans = [[0.0, end_s], sorted(chance.uniform(0, end_s) for _ in range(2))]
    spans = [(began, max(ended, began + 1)) for began, ended in spans]
    rates = [chance.choice([0.5, 1, 3]) for _ in spans]
    if nested:
        rates = [2.0, 2.0]  # the inner block does all the work
    runs = []
    for (began, ended), rate in zip(spans, rates, strict=True):
        at_s = np.unique([began, *np.arange(began + 1, ended - 0.5, chance.uniform(0.9, 1.1)), ended])
        energies = [
            np.array([(part.energy_j(time) - part.energy_j(began)) / J_PER_KWH for time in at_s]) for part in (cpu, gpu)
        ]
        outer = 0 if nested and runs else None
        parts = dict(zip(("cpu", "gpu"), energies, strict=True))
        runs.append(CurveOfRun(at_s, parts, {"cpu": rate * (at_s - began)}, outer=outer))
    found = [
        float(sum(energy[-1] for energy in run.energies.values()))
        * (1 if part.share is None else part.share)
        * J_PER_KWH
        for run, part in zip(runs, attribute(runs), strict=True)
    ]
    total, true = 0.0, [0.0] * len(runs)
    for began, ended in pairwise(sorted({moment for span in spans for moment in span})):
        there = [number for number, span in enumerate(spans) if span[0] <= began and ended <= span[1]]
        if nested and there == [0, 1]:
            there = [1]
        drawn = sum(part.energy_j(ended) - part.energy_j(began) for part in (cpu, gpu))
        total += drawn if there else 0
        for number in there:
            true[number] += drawn * rates[number] / sum(rates[other] for other in there)
    return abs(sum(found) / total - 1), max(abs(a - b) for a, b in zip(found, true, strict=True)) / total


def report(what: str, sums: Sequence[float], runs: Sequence[float], aim: float) -> None:
    """Print one line: errors of the sum and of single runs, as shares of the machine's energy."""
    of_runs = f"{statistics.median(runs):>8.2%} {max(runs):>8.2%}" if runs else f"{'-':>8} {'-':>8}"
    within = sum(error <= aim for error in sums) / len(sums)
    print(f"{what:<44} {statistics.median(sums):>8.2%} {max(sums):>8.2%} {of_runs}  {within:>6.1%} within {aim:.0%}")


def simulations() -> None:
    """Print the errors of simulated runs."""
    for nested in (False, True):
        for load in LOADS:
            chance = random.Random(1)
            errors = [simulated(load, chance, nested=nested) for _ in range(SIMULATED_RUNS)]
            what = f"simulated, {load}{', nested' if nested else ''}"
            report(what, [error for error, _ in errors], [error for _, error in errors], 0.01)


def landed(machine: FakeMachine, data_dir: Path) -> float:
    """The error of the sum of what has landed."""
    from carbon_pipeline.warehouse.warehouse import Warehouse

    warehouse = Warehouse(data_dir)
    warehouse.load()
    runs = warehouse.report("runs")
    drawn = machine.energy_kwh_over((run["started_at"], run["ended_at"]) for run in runs)
    return abs(sum(run["attributed_energy_kwh"] for run in runs) / drawn - 1)


def with_processes(load: str, share: float, folder: Path) -> float:
    """Three processes that overlap, each busy for a share of its time."""
    ahead_s = 5.0
    cpu, gpu = ([(at_s + ahead_s, power_w) for at_s, power_w in knots] for knots in LOADS[load])
    boards = [{"uuid": "GPU-1", "power_w": 0, "curve": gpu}] if any(power_w for _, power_w in gpu) else []
    machine = FakeMachine(folder / "machine", cpu=cpu, boards=boards)
    environment = machine.environment(CARBON_DATA_DIR=str(folder / "data"))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, *map(str, span), str(share)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for span in SPANS
    ]
    for process in started:
        assert process.stdout
        process.stdout.readline()
    go = machine.origin + max(ahead_s, machine.now_s + 0.2)
    for process in started:
        process.communicate(f"{go}\n")
    return landed(machine, folder / "data")


def in_process(work: Callable[[], None], folder: Path) -> float:
    """Work in this process, on a machine whose power rises and falls."""
    machine = FakeMachine(folder / "machine", cpu=LOADS["ramp"][0]).install()
    os.environ["CARBON_DATA_DIR"] = str(folder / "data")
    work()
    return landed(machine, folder / "data")


def busy(seconds: float) -> None:
    """Use a CPU for some time."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(500))


def nested_blocks() -> None:
    """A block within a block."""
    from carbon_pipeline import track

    with track("outer", sample_s=0.1):
        busy(0.5)
        with track("inner", sample_s=0.1):
            busy(0.7)
        time.sleep(0.3)


def tracking_threads() -> None:
    """Three threads that track at the same time."""
    from carbon_pipeline import track

    def one(began_s: float, ended_s: float) -> None:
        time.sleep(began_s)
        with track("thread", sample_s=0.1):
            busy(ended_s - began_s)

    threads = [threading.Thread(target=one, args=span) for span in SPANS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Print each error."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(CARBON_GEOLOCATION="off")
        os.chdir(folder)
        print(f"{'':<44} {'sum of all runs':>17} {'a single run':>17}")
        print(f"{'error of what is attributed':<44} {'median':>8} {'most':>8} {'median':>8} {'most':>8}")
        simulations()
        for name, share in (("sleeping", 0.0), ("busy", 1.0)):
            for load in LOADS:
                place = Path(folder) / f"{name} {load}"
                report(f"3 {name} processes, {load}", [with_processes(load, share, place)], [], 0.05 if share else 0.01)
        for name, work in (("nested blocks", nested_blocks), ("3 busy threads", tracking_threads)):
            report(f"{name}, ramp", [in_process(work, Path(folder) / name)], [], 0.05)


if __name__ == "__main__":
    main()
