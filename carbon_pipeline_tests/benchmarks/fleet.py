"""A year of a fleet in one warehouse: how fast it loads, how large it gets, and how fast it answers.

Run with `make simulate` (1 and 10 million runs; 30 GB of disk, some twenty minutes), or alone with numbers of runs:
`.venv/bin/python carbon_pipeline_tests/benchmarks/fleet.py 1000000`. The runs come in twelve loads, a month each.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from carbon_pipeline.common.object_store import ObjectStore
from carbon_pipeline.report.page import write_page
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.tracking.outbox import send
from carbon_pipeline.warehouse.fetch import fetch
from carbon_pipeline.warehouse.selection import Selection
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.benchmarks.warehouse_speed import write
from carbon_pipeline_tests.fakes import make_record

MONTHS = 12
REPORTS = ("daily", "by_project", "by_hardware", "trend", "biggest_consumers", "data_quality")
RECORDS = 10_000


def seconds(work: Callable[[], object]) -> float:
    """How long something takes, seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def year(folder: Path, runs: int) -> None:
    """Loads a year, and queries it."""
    warehouse = Warehouse(folder / "data")
    taken = []
    for month in range(MONTHS):
        path = write(folder / f"month {month}.csv", runs // MONTHS, seed=month)
        taken.append(seconds(lambda new=path: warehouse.import_csv([new])))  # type: ignore[misc]
        path.unlink()
    count = warehouse.count()
    size_mb = warehouse.reports_path.stat().st_size / 1e6
    print(f"\n{runs:,} rows in {MONTHS} loads: {count:,} runs")
    print(f"  load          {runs / sum(taken):>10,.0f} rows/s   first month {taken[0]:.1f} s, last {taken[-1]:.1f} s")
    print(f"  warehouse     {size_mb:>10,.0f} MB       {1e6 * size_mb / count:,.0f} bytes for each run")
    print(f"  newest 50     {seconds(lambda: warehouse.select('runs', Selection(limit=50)).rows()):>10.2f} s")
    for name in REPORTS:
        print(f"  {name:<18}{seconds(lambda asked=name: warehouse.report(asked)):>6.2f} s")  # type: ignore[misc]
    print(f"  page          {seconds(lambda: write_page(warehouse, folder / 'page.html')):>10.2f} s")


def way_of_a_record(folder: Path) -> None:
    """What a record costs on its way over an object store, here a folder."""
    store = ObjectStore(str(folder / "store"))
    machine, loader = folder / "machine", folder / "loader"
    record = make_record(name="fleet")
    size = len(record.model_dump_json())
    records = [record.model_copy(update={"run_id": f"run-{number}"}) for number in range(RECORDS)]
    Warehouse(loader).load()  # creates it
    landing_s = seconds(lambda: [land(each, machine, store.url) for each in records])
    sending_s = seconds(lambda: send(machine, store.url))
    fetching_s = seconds(lambda: fetch(store, loader))
    loading_s = seconds(Warehouse(loader).load)
    print(f"\n{RECORDS:,} records of {size:,} bytes on their way over a store (a folder)")
    for what, taken in (("land", landing_s), ("send", sending_s), ("fetch", fetching_s), ("load", loading_s)):
        print(f"  {what:<12}{RECORDS / taken:>12,.0f} records/s")


def main() -> None:
    """Prints all of it."""
    sizes = [int(text) for text in sys.argv[1:]] or [1_000_000, 10_000_000]
    with tempfile.TemporaryDirectory() as name:
        way_of_a_record(Path(name))
    for runs in sizes:
        with tempfile.TemporaryDirectory() as name:
            year(Path(name), runs)


if __name__ == "__main__":
    main()
