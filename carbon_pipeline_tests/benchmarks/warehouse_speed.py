"""How fast the warehouse takes files and answers, beside peers in the same run.

Run with `make bench` (1 million rows), or alone with a number of rows:
`.venv/bin/python carbon_pipeline_tests/benchmarks/warehouse_speed.py 10000000` (15 GB of disk, ten minutes).
Peers: DuckDB's own typed scan of the same file; pandas with CodeCarbon's own mapper, row by row; the same aggregates
written by hand over one wide table; the same load into an empty warehouse.
"""

import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.landing import land, landed_files
from carbon_pipeline.warehouse import warehouse as warehouse_module
from carbon_pipeline.warehouse.connection import open_for_reading
from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.ingest.layout import NUMBERS
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

MAPPED_ROWS = 5000
ONE_ROW_FILES = 5000
NEW_ROWS = 1000
LANDERS, LANDED = 8, 200
ROUNDS = 3

COLUMNS = """
timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_power gpu_power ram_power cpu_energy
gpu_energy ram_energy energy_consumed water_consumed country_name country_iso_code region cloud_provider cloud_region os
python_version codecarbon_version cpu_count cpu_model gpu_count gpu_model longitude latitude ram_total_size
tracking_mode cpu_utilization_percent gpu_utilization_percent ram_utilization_percent ram_used_gb on_cloud pue wue
""".split()
PLACES = [
    ("France,FRA,ile-de-france", 2.35, 48.85, 56.0),
    ("Germany,DEU,berlin", 13.4, 52.5, 350.0),
    ("Canada,CAN,quebec", -71.2, 46.8, 3.9),  # CodeCarbon's fallback
    ("United States,USA,iowa", -93.6, 41.6, 400.0),
]
MACHINES = [
    (2, "AMD EPYC", 0, ""),
    (8, "Intel(R) Core(TM) i7-7700K CPU @ 4.20GHz", 1, "1 x NVIDIA GeForce GTX 1050 Ti"),
    (64, "AMD EPYC 7742 64-Core Processor", 8, "8 x A100-SXM4-40GB"),
]

VIEW_KEYS = {
    "daily": "(started_at AT TIME ZONE 'UTC')::DATE",
    "by_project": "project_name",
    "by_country": "country_iso_code, country_name",
    "by_hardware": "cpu_model, cpu_count, gpu_model, gpu_count, ram_gb",
    "by_method": "cpu_method, gpu_method, ram_method, tracking_mode",
}
BY_HAND = """
SELECT {keys}, count(*), sum(duration_s), sum(attributed_energy_kwh),
    sum(energy_low_kwh * attributed_share), sum(energy_high_kwh * attributed_share),
    sum(emissions_kg * attributed_share), sum(emissions_low_kg * attributed_share),
    sum(emissions_high_kg * attributed_share)
FROM wide GROUP BY ALL ORDER BY 1
"""


def rows(count: int, seed: int) -> Iterable[str]:
    """Rows as CodeCarbon 3.3 writes them; one in a hundred has the run_id of an earlier one."""
    chance = random.Random(seed)
    known: list[str] = []
    for number in range(count):
        if known and chance.random() < 0.01:
            run_id = chance.choice(known)
        else:
            run_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            if len(known) < 100_000:
                known.append(run_id)
        seconds = chance.uniform(0.5, 50_000)
        cpus, cpu, gpus, gpu = chance.choice(MACHINES)
        place, longitude, latitude, intensity = chance.choice(PLACES)
        cpu_kwh, ram_kwh = seconds * chance.uniform(5, 200) / 3.6e6, seconds * 10 / 3.6e6
        gpu_kwh = seconds * chance.uniform(5, 200) * gpus / 3.6e6
        kwh = cpu_kwh + gpu_kwh + ram_kwh
        kg = kwh * intensity / 1000
        day = f"2026-{1 + number % 10:02}-{1 + number % 28:02}"
        moment = f"{day}T{number % 24:02}:{number % 60:02}:{number // 60 % 60:02}"
        yield (
            f"{moment},project {number % 50},{run_id},5b0fa12a-3dd7-45bb-9766-cc326314d9f1,{seconds},{kg},"
            f"{kg / seconds},{cpu_kwh * 3.6e6 / seconds},{gpu_kwh * 3.6e6 / seconds},10.0,{cpu_kwh},{gpu_kwh},"
            f"{ram_kwh},{kwh},0.0,"
            f"{place},,,Linux-6.1-x86_64-with-glibc2.36,3.11.7,3.3.2,{cpus},{cpu},{gpus},{gpu},{longitude},{latitude},"
            f"{cpus * 4}.5,machine,{chance.uniform(0, 100):.1f},0,7.6,1.79,N,1.0,0.0\n"
        )


def write(path: Path, count: int, seed: int) -> Path:
    """A file of such rows."""
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        file.writelines(rows(count, seed))
    return path


class Taken(NamedTuple):
    """What an import has taken: seconds until it was committed, seconds to publish."""

    import_s: float
    publish_s: float


def damage(path: Path, damaged: Path) -> Path:
    """A copy of a file in which every hundredth row has a damage of its own."""
    kinds: list[Callable[[str], str]] = [
        lambda line: line.replace(",Linux", ',"Linux', 1),
        lambda line: line.replace(",machine", ",machine,", 1),
        lambda line: line[: len(line) // 2] + "\n",
        lambda line: line.replace("T", "X", 1),
        lambda line: line.rstrip("\n"),
        lambda line: line.replace("\n", "\r\n"),
    ]
    with path.open(encoding="utf-8") as source, damaged.open("w", encoding="utf-8", newline="") as target:
        for number, line in enumerate(source):
            target.write(kinds[number // 100 % len(kinds)](line) if number % 100 == 99 else line)
    return damaged


def command_cost(data_dir: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and peak memory, MB, of a command of our own."""
    import os

    began = time.perf_counter()
    environment = {**os.environ, "CARBON_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "carbon_pipeline", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, arguments
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def take(warehouse: Warehouse, paths: list[Path]) -> Taken:
    """Imports files as the command line does."""
    published = 0.0
    publish = warehouse_module.publish

    def timed(*arguments: Any) -> None:
        nonlocal published
        began = time.perf_counter()
        publish(*arguments)
        published = time.perf_counter() - began

    warehouse_module.publish = timed
    began = time.perf_counter()
    try:
        warehouse.import_csv(find_files(paths).files)
    finally:
        warehouse_module.publish = publish
    return Taken(time.perf_counter() - began - published, published)


def best(work: Callable[[], object]) -> float:
    """The shortest of several times, s."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def scan_s(path: Path) -> float:
    """DuckDB's own scan of all columns with their types, s."""
    import duckdb

    types = {name: "DOUBLE" if name in NUMBERS else "VARCHAR" for name in COLUMNS}
    statement = "SELECT max(COLUMNS(*)) FROM read_csv($path, columns = $types, auto_detect = false, header = true)"
    with duckdb.connect() as connection:  # noqa: TID251 - in memory
        return best(lambda: connection.execute(statement, {"path": str(path), "types": types}).fetchall())


def mapper_rows_per_s(path: Path) -> float:
    """pandas, and CodeCarbon's own way to BoAmps for each row."""
    import pandas as pd
    from codecarbon.output_methods.boamps.mapper import map_emissions_to_boamps
    from codecarbon.output_methods.emissions_data import EmissionsData

    began = time.perf_counter()
    with warnings.catch_warnings(), (path.parent / "boamps.jsonl").open("w") as out:
        warnings.simplefilter("ignore")
        for row in pd.read_csv(path, nrows=MAPPED_ROWS).itertuples(index=False):
            out.write(json.dumps(map_emissions_to_boamps(EmissionsData(**row._asdict())).to_dict()) + "\n")
    return MAPPED_ROWS / (time.perf_counter() - began)


def one_row_files_per_s(folder: Path) -> float:
    """Files of one row each, found and imported."""
    folder.mkdir()
    header = ",".join(COLUMNS) + "\n"
    for number, row in enumerate(rows(ONE_ROW_FILES, 3)):
        (folder / f"emissions_{number}.csv").write_text(header + row)
    taken = take(Warehouse(folder / "data"), [folder])
    return ONE_ROW_FILES / (taken.import_s + taken.publish_s)


def land_many(data_dir: Path, ready: Any) -> None:
    """One process that lands records."""
    records = [make_record() for _ in range(LANDED)]
    ready.wait()
    for record in records:
        land(record, data_dir)


def landed_per_s(data_dir: Path) -> float:
    """Several processes land records at the same time."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(LANDERS + 1)
    processes = [spawn.Process(target=land_many, args=(data_dir, ready)) for _ in range(LANDERS)]
    for process in processes:
        process.start()
    ready.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    assert [process.exitcode for process in processes] == [0] * LANDERS
    assert len(landed_files(data_dir)) == LANDERS * LANDED
    warehouse = Warehouse(data_dir)
    warehouse.load()
    assert warehouse.count() == LANDERS * LANDED
    return LANDERS * LANDED / seconds


def view_times(warehouse: Warehouse, folder: Path) -> dict[str, tuple[float, float]]:
    """Each report view, and the same aggregate over one wide table in which all is stored; seconds."""
    import duckdb

    wide = folder / "wide.duckdb"
    shutil.copyfile(warehouse.reports_path, wide)
    with duckdb.connect(str(wide)) as connection:  # noqa: TID251 - a copy of the benchmark's own
        connection.execute("CREATE TABLE main.wide AS FROM report.runs")
    times = {}
    for name, keys in VIEW_KEYS.items():
        with open_for_reading(wide) as connection:
            statements = (f"FROM report.{name}", BY_HAND.format(keys=keys))
            ours, by_hand = (best(lambda s=s, c=connection: c.execute(s).fetchall()) for s in statements)  # type: ignore[misc]
        times[name] = ours, by_hand
    wide.unlink()
    return times


def import_alone(path: str, data_dir: str) -> None:
    """Imports one file in a process of its own; prints seconds, and the peak of its memory in bytes."""
    import resource

    warehouse = Warehouse(data_dir)
    warehouse.load()
    taken = take(warehouse, [Path(path)])
    print(*taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def limit_bytes() -> int:
    """The memory that DuckDB may use."""
    text = read_settings().memory_limit.replace(" ", "")
    factors = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
    unit = next(unit for unit in sorted(factors, key=len, reverse=True) if text.endswith(unit))
    return int(float(text.removesuffix(unit)) * factors[unit])


def main(count: int) -> None:
    """Prints a line for each measurement, with its aim."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write(folder / "emissions.csv", count, 1)
        print(f"{count:,} rows of CodeCarbon 3.3, {file.stat().st_size / 1e6:,.0f} MB")

        scanned = scan_s(file)
        data_dir = folder / "data"
        command = [sys.executable, __file__, "import", str(file), str(data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        import_s, publish_s, peak = map(float, done.stdout.split())
        warehouse = Warehouse(data_dir)
        assert not any(broken(warehouse, rule) for rule in RULES)
        say("typed scan", f"{scanned:.2f} s", f"{count / scanned:,.0f} rows/s")
        say("import to core", f"{import_s:.2f} s", f"{import_s / scanned:.1f} times the scan", "at most 5")
        say("publishing it", f"{publish_s:.2f} s")
        ratio = count / import_s / mapper_rows_per_s(file)
        say("import to core", f"{count / import_s:,.0f} rows/s", f"{ratio:.0f} times pandas and mapper", "at least 24")
        say("peak memory", f"{peak / 1e6:,.0f} MB", f"{peak / limit_bytes():.2f} of the limit", "at most 1.25")

        damaged = damage(file, folder / "damaged.csv")
        command = [sys.executable, __file__, "import", str(damaged), str(folder / "damaged")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        damaged_s = float(done.stdout.split()[0])
        say(
            "import, 1 row in 100 damaged",
            f"{damaged_s:.2f} s",
            f"{damaged_s / import_s:.1f} times a clean one",
            "at most 2",
        )
        for name, arguments, aim in (
            ("report, the newest 50", ("report", "--limit", "50"), "under 2 s and 300 MB"),
            ("export csv", ("export", "csv"), "constant memory"),
        ):
            seconds, megabytes = command_cost(data_dir, *arguments)
            say(name, f"{seconds:.2f} s", f"{megabytes:,.0f} MB", aim)

        empty = Warehouse(folder / "empty")
        empty.load()
        both = []
        for into in (empty, warehouse):
            take(into, [write(folder / "first.csv", NEW_ROWS, 10)])  # whatever is done only once
            files = [write(folder / f"{seed}.csv", NEW_ROWS, seed) for seed in range(11, 11 + ROUNDS)]
            both.append(min(sum(take(into, [path])) for path in files))
        say(
            f"{NEW_ROWS} rows more", f"{both[1]:.2f} s", f"{both[1] / both[0]:.2f} times into an empty one", "at most 2"
        )

        rate = one_row_files_per_s(folder / "many")
        say(f"{ONE_ROW_FILES} files of one row", "", f"{rate:,.0f} files/s", "at least 2,500")
        for view, (seconds, by_hand_s) in view_times(warehouse, folder).items():
            beside = f"{seconds / scanned:.2f} times the scan, {seconds / by_hand_s:.1f} times by hand"
            say(f"report.{view}", f"{seconds:.2f} s", beside, "0.1 times the scan")
        rate = landed_per_s(folder / "landing")
        say(f"{LANDERS} processes landing {LANDED}", "none lost", f"{rate:,.0f} records/s", "at least 1,000")


def say(what: str, value: str, beside: str = "", aim: str = "") -> None:
    """Prints a line."""
    print(f"{what:<28}{value:>16}   {beside:<34}{f'(aim: {aim})' if aim else ''}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["import"]:
        import_alone(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
