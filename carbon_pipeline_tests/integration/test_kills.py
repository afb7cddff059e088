"""Processes killed at random moments: nothing is lost, doubled or left behind, whatever they were doing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from carbon_pipeline.boamps.context import read_context
from carbon_pipeline.boamps.export import export_all
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL"),
]

KILLS = int(os.environ.get("KILLS", "100"))
"""How often each kind of work is killed."""

SOME = 10
"""Records and files at the beginning."""

KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import duckdb, pycountry, filelock
from carbon_pipeline.boamps.context import read_context
from carbon_pipeline.boamps.export import export_all
from carbon_pipeline.model.grid import world_average
from carbon_pipeline.tracking.intensity import plausible_range
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.tracking.meter import cpu_tdp_w
from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record

what, data_dir, kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
large_file.LARGE_BYTES = 3_000  # some files go one way, some the other
world_average(), plausible_range("FR"), cpu_tdp_w("A CPU"), list(pycountry.countries)
chance, killed, took = random.Random(), 0, 0.6


def work(number):
    warehouse = Warehouse(data_dir)
    if what == "load":
        warehouse.load()
    elif what == "import":
        warehouse.import_csv([data_dir.parent / f"{number}.csv"])
    elif what == "rebuild":
        rebuild(warehouse)
    else:
        export_all(warehouse, read_context(data_dir.parent / "context.yaml"), data_dir / "reports" / "boamps")


for number in range(kills):
    if what == "load":
        land(make_record(run_id=f"record-{number}"), data_dir)
    if what == "import":
        rows = (row(run_id=f"row-{number}-{i}") for i in range(1 + 40 * (number % 2)))
        write(data_dir.parent / f"{number}.csv", *rows)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        work(number)
        os._exit(0)
    time.sleep(chance.uniform(0, took))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed += os.WIFSIGNALED(status)
    took = took * 1.05 if os.WIFSIGNALED(status) else 0.8 * took + 0.22 * (time.monotonic() - began)
work(kills - 1)
print(killed)
"""


@pytest.mark.parametrize("what", ["load", "import", "rebuild", "export"])
def test_work_that_is_killed_a_hundred_times_loses_doubles_and_leaves_nothing(tmp_path: Path, what: str) -> None:
    warehouse = Warehouse(tmp_path / "data", timeout_s=60)
    for number in range(SOME):
        land(make_record(run_id=f"first-{number}"), warehouse.data_dir)
        write(tmp_path / f"first-{number}.csv", row(run_id=f"first-row-{number}"))
    (tmp_path / "context.yaml").write_text("defaults: {}\n")
    warehouse.load()
    warehouse.import_csv([tmp_path / f"first-{number}.csv" for number in range(SOME)])
    expected = {run["run_id"] for run in warehouse.report("runs")}

    command = [sys.executable, "-c", KILLER, what, str(warehouse.data_dir), str(KILLS)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) >= KILLS / 3
    if what == "load":
        expected |= {f"record-{number}" for number in range(KILLS)}
    if what == "import":  # an import that was killed before its commit is for its user to repeat
        warehouse.import_csv([tmp_path / f"{number}.csv" for number in range(KILLS)])
        expected |= {f"row-{number}-{line}" for number in range(KILLS) for line in range(1 + 40 * (number % 2))}
    assert {run["run_id"] for run in warehouse.report("runs")} == expected
    assert warehouse.count() == len(expected)
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}
    kept = warehouse.data_dir / "inbox" / "kept"
    assert [path.name for path in kept.iterdir() if path.name.startswith(".")] == []
    assert rebuild(warehouse).differences == []
    if what == "export":
        reports = warehouse.data_dir / "reports"
        for part in reports.rglob(".*.part"):
            os.utime(part, (0, 0))  # an hour later
        export_all(warehouse, read_context(tmp_path / "context.yaml"), reports / "boamps")
        assert list(reports.rglob(".*.part")) == []
