"""What tracking costs beside bare CodeCarbon, and how much of a short run's energy each of them keeps.

Run with `make bench`. Everything is measured in turns in one run; ratios below 1 mean less than bare CodeCarbon.
Aims: at most 20 ms for a block in a process that has been warmed; in a new process no more than CodeCarbon; at most
1 % of a CPU at one sample a second; 95 % of the energy of 5 ms and 99 % of that of 20 ms.
"""

import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IDLE_S = 20.0
TRACK, CODECARBON = "carbon_pipeline", "codecarbon"

NEW_PROCESS = {
    TRACK: "from carbon_pipeline import track\nwith track('fit', country_iso_code='FRA'): pass",
    CODECARBON: """
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(country_iso_code='FRA', output_methods=[], log_level='error')
tracker.start()
tracker.stop()
""",
    "nothing": "pass",
}


def ours(work: Callable[[], None], sample_s: float = 1.0) -> float:
    """Tracks work; returns the energy of the memory (a constant power), J."""
    from carbon_pipeline import track

    with track("fit", country_iso_code="FRA", sample_s=sample_s) as run:
        work()
    assert run.record is not None
    assert run.record.ram_energy_kwh is not None
    return run.record.ram_energy_kwh * 3.6e6


def bare(work: Callable[[], None], sample_s: float = 1.0) -> float:
    """The same with CodeCarbon's own start and stop."""
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", measure_power_secs=sample_s, output_methods=[], log_level="error"
    )
    tracker.start()
    work()
    tracker.stop()
    return float(tracker.final_emissions_data.ram_energy * 3.6e6)


def nothing() -> None:
    """No work at all."""


def cost(measure: Callable[[Callable[[], None]], float]) -> tuple[float, float]:
    """Wall and CPU seconds of one tracked block without work."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    measure(nothing)
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def report(what: str, ours_is: float, bare_is: float, unit: str, aim: str) -> None:
    """Prints one line."""
    ratio = f"{ours_is / bare_is:.2f}" if bare_is else "-"
    print(f"{what:<44} {ours_is:>9.4g} {bare_is:>11.4g} {unit:<4} {ratio:>6}   {aim}")


def new_process() -> None:
    """A new interpreter that tracks one empty block."""
    times: dict[str, list[float]] = {name: [] for name in NEW_PROCESS}
    for _ in range(5):
        for name, code in NEW_PROCESS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            times[name].append(time.perf_counter() - began)
    start_s = min(times["nothing"])
    best = {name: min(taken) - start_s for name, taken in times.items()}
    report("new process, beyond the interpreter", best[TRACK], best[CODECARBON], "s", "at most 1")


def warmed() -> None:
    """Empty blocks in a process that has tracked before."""
    times = [(cost(ours), cost(bare)) for _ in range(30)]
    wall = [statistics.median(pair[i][0] for pair in times) * 1000 for i in (0, 1)]
    cpu = [statistics.median(pair[i][1] for pair in times) * 1000 for i in (0, 1)]
    report("warmed process, per block", *wall, "ms", "at most 20 ms")
    report("  of it CPU time", *cpu, "ms", "")


def sampling() -> None:
    """CPU time of a sleeping process that is sampled once a second."""
    share = []
    for measure in (ours, bare):
        before = time.process_time()
        measure(lambda: time.sleep(IDLE_S))
        share.append((time.process_time() - before) / IDLE_S * 100)
    report("CPU at one sample a second", *share, "%", "at most 1 %")


def short_runs() -> None:
    """The share of a constant power's energy that short runs keep."""
    power_w = ours(lambda: time.sleep(2)) / 2
    for seconds in (0.005, 0.02, 0.049, 0.3):
        kept = []
        for measure in (ours, bare):
            joules = []
            for _ in range(15):
                spans: list[float] = []

                def work(spans: list[float] = spans, seconds: float = seconds) -> None:
                    began = time.perf_counter()
                    time.sleep(seconds)
                    spans.append(time.perf_counter() - began)

                joules.append(measure(work) / (power_w * spans[0]))
            kept.append(statistics.median(joules) * 100)
        report(
            f"energy kept of {seconds * 1000:g} ms", *kept, "%", {0.005: "at least 95 %"}.get(seconds, "at least 99 %")
        )


def main() -> None:
    """Prints each figure with its peer's."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(CARBON_DATA_DIR=str(Path(folder) / "data"), CARBON_GEOLOCATION="off")
        os.chdir(folder)
        logging.disable(logging.WARNING)  # what bare CodeCarbon has to say
        print(f"{'':<44} {'ours':>9} {CODECARBON:>11} {'':<4} {'ratio':>6}   aim")
        new_process()
        cost(ours)
        cost(bare)
        warmed()
        sampling()
        short_runs()


if __name__ == "__main__":
    main()
