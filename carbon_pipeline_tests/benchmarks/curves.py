"""What curves cost in the warehouse: loading 20 million samples, and records that overlap against as many apart.

Each load has a process of its own, whose peak memory is printed. The peer is Python's `json`, which reads the same
files and does nothing else.

    python carbon_pipeline_tests/benchmarks/curves.py [millions of samples]
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from carbon_pipeline.model.samples import MOST_SAMPLES, Samples
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

START = datetime(2026, 1, 1, tzinfo=UTC)
OVERLAPPING = 1600
LINE = "{:<52}{:>10}{:>10}   {}"


def curves(count: int) -> list[Samples]:
    """Different curves of ten minutes: a machine of about 100 W."""
    random, found = Random(1), []
    for _ in range(count):
        columns: list[list[float]] = [[0.0] for _ in range(5)]
        for _ in range(MOST_SAMPLES - 1):
            for column, step in zip(columns, (1.0, 2.7e-5, 5e-6, 0.9, 1.3), strict=True):
                column.append(float(f"{column[-1] + step * random.uniform(0.9, 1.1):.9g}"))
        names = ("at_s", "cpu_energy_kwh", "ram_energy_kwh", "process_cpu_s", "host_cpu_s")
        found.append(Samples(**dict(zip(names, columns, strict=True))))
    return found


def land_records(data_dir: Path, count: int, every_s: float) -> None:
    """Land records of one host, of which one begins every so many seconds."""
    templates = []
    for samples in curves(20):
        record = make_record(
            run_id="RUN", ended_at=START + timedelta(seconds=samples.at_s[-1]), duration_s=samples.at_s[-1],
            host_id="one",
            cpu_energy_kwh=samples.cpu_energy_kwh and samples.cpu_energy_kwh[-1],
            ram_energy_kwh=samples.ram_energy_kwh and samples.ram_energy_kwh[-1], samples=samples,
        )  # fmt: skip
        path = land(record, data_dir)
        values = json.loads(path.read_text())
        templates.append((path.read_text(), values["started_at"], values["ended_at"], samples.at_s[-1]))
        path.unlink()
    for number in range(count):
        text, started_at, ended_at, duration_s = templates[number % len(templates)]
        began = START + timedelta(seconds=number * every_s)
        text = text.replace('"RUN"', f'"run {number}"').replace(started_at, f"{began:%Y-%m-%dT%H:%M:%S.%fZ}")
        text = text.replace(ended_at, f"{began + timedelta(seconds=duration_s):%Y-%m-%dT%H:%M:%S.%fZ}")
        path = data_dir / "landing" / f"{began:%Y-%m-%d}" / f"run {number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def load(data_dir: Path) -> tuple[float, float]:
    """Load in a process of its own; returns seconds and peak memory, MB."""
    done = subprocess.run(
        [sys.executable, __file__, "load", str(data_dir)], capture_output=True, text=True, check=True
    ).stdout.split()
    return float(done[0]), float(done[1])


def read_with_json(data_dir: Path) -> float:
    """Read the records with Python's json; returns seconds."""
    began = time.perf_counter()
    for path in data_dir.glob("landing/*/*.json"):
        json.loads(path.read_text())
    return time.perf_counter() - began


def main(millions: float) -> None:
    """Print the table."""
    print(LINE.format("", "ours", "ratio", "aim"))
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        count = int(millions * 1e6 / MOST_SAMPLES)
        land_records(data_dir, count, 620.0)
        peer = read_with_json(data_dir)
        seconds, memory = load(data_dir)
        what = f"load {count * MOST_SAMPLES / 1e6:.3g} million samples, {count:,} records"
        print(
            LINE.format(
                what, f"{seconds:.1f} s", f"{seconds / peer:.2f}", "60 s for 20 million; ratio to Python's json"
            )
        )
        print(LINE.format("  peak memory", f"{memory:,.0f} MB", "", "2,000 MB"))
    times = []
    for every_s in (620.0, 7.0):
        with tempfile.TemporaryDirectory() as folder:
            data_dir = Path(folder) / "data"
            land_records(data_dir, OVERLAPPING, every_s)
            times.append(load(data_dir)[0])
    what = f"load {OVERLAPPING:,} records of which 85 at a time overlap"
    print(LINE.format(what, f"{times[1]:.1f} s", f"{times[1] / times[0]:.2f}", "at most 2 times as many apart"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        warehouse = Warehouse(sys.argv[2])
        start = time.perf_counter()
        warehouse.load()
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else 20.0)
