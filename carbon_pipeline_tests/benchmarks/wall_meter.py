"""How the intervals fare on published runs in which a wall meter stood beside a software meter.

Run with `make bench`. `wall_meter.csv` holds the figures with their sources. The aim: nine of ten values of the wall
meter in the interval, and no interval wider than it has to be. Most of the model's coefficients rest on the same runs,
and few machines are among them: on another machine expect less.
"""

import csv
import math
import random
import statistics
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.model.calibration import CalibrationPoint, fit
from carbon_pipeline.model.interval import Interval, interval, narrowed
from carbon_pipeline.model.quantities import J_PER_KWH
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import write

RUNS = Path(__file__).with_suffix(".csv")
PARTS = ("cpu", "gpu", "ram")

SMALL_IDLE_W = {"desktop": 2.4, "laptop": 4.0, "server": 10.0}
"""Wall power, idle, W: of a mini PC, a laptop and a small server. What RAPL reads there is assumed."""

COUNTED = (0.15, 0.3, 0.45, 0.6)
"""Shares of it that RAPL is assumed to read."""


class Compared(NamedTuple):
    """One run: what the wall meter said as a multiple of the tool's energy, whether it is inside, how wide that is."""

    group: str
    wall_over_tool: float
    is_inside: bool
    high_over_low: float


def compare(described: bool = True) -> list[Compared]:
    """Each run against its interval.

    Args:
        described: whether the model is told what machine it is, or only energies, methods and duration.
    """
    with RUNS.open(encoding="utf-8", newline="") as file:
        return [_compare(row, described) for row in csv.DictReader(file)]


def _tool_kwh(row: dict[str, str]) -> float:
    return sum(_number(row[f"{part}_energy_kwh"]) or 0 for part in PARTS) or float(row["total_kwh"])


def _interval(row: dict[str, str], described: bool) -> Interval:
    energies = {part: _number(row[f"{part}_energy_kwh"]) for part in PARTS}
    machine: dict[str, Any] = {
        "machine_kind": row["machine_kind"],
        "cpu_model": row["cpu_model"],
        "gpu_model": row["gpu_model"],
        "gpu_count": _whole(row["gpu_count"]),
        "gpu_tracked_count": _whole(row["gpu_tracked_count"]),
        "ram_gb": _number(row["ram_gb"]),
    }
    found = interval(
        energies if energies["cpu"] is not None else {"total": _tool_kwh(row)},
        {part: row[f"{part}_method"] for part in PARTS},
        float(row["duration_s"]),
        **(machine if described else {}),
    )
    assert found is not None
    return found


def _compare(row: dict[str, str], described: bool) -> Compared:
    found, wall_kwh = _interval(row, described), float(row["wall_energy_kwh"])
    return Compared(
        f"{row['machine']}: {row['workload']}",
        wall_kwh / _tool_kwh(row),
        found.low_kwh <= wall_kwh <= found.high_kwh,
        found.high_kwh / found.low_kwh,
    )


def compare_as_rows(version: str) -> list[Compared]:
    """Each run as a row of a CodeCarbon file, which does not say how it was measured.

    Args:
        version: version of CodeCarbon in the file; none in those before 2.2.
    """
    with RUNS.open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "emissions.csv"), *(_as_row(number, run, version) for number, run in enumerate(runs)))
        warehouse = Warehouse(Path(folder, "data"))
        warehouse.import_csv([path])
        found = {run["run_id"]: run for run in warehouse.report("runs")}
    return [_compare_row(run, found[str(number)]) for number, run in enumerate(runs)]


def _as_row(number: int, run: dict[str, str], version: str) -> dict[str, str]:
    total_kwh = run["total_kwh"] or repr(sum(_number(run[f"{part}_energy_kwh"]) or 0.0 for part in PARTS))
    return {
        "timestamp": f"2024-05-01T{number // 60:02}:{number % 60:02}:00", "project_name": "published",
        "run_id": str(number), "duration": run["duration_s"], "emissions": repr(0.4 * float(total_kwh)),
        **{f"{part}_energy": run[f"{part}_energy_kwh"] for part in PARTS}, "energy_consumed": total_kwh,
        "country_name": "Germany", "country_iso_code": "DEU", "os": "Linux-5.19", "codecarbon_version": version,
        "cpu_model": run["cpu_model"], "gpu_model": run["gpu_model"] and f"{run['gpu_count']} x {run['gpu_model']}",
        "gpu_count": run["gpu_count"], "ram_total_size": run["ram_gb"], "tracking_mode": "machine",
    }  # fmt: skip


def _compare_row(run: dict[str, str], row: dict[str, Any]) -> Compared:
    wall_kwh, low_kwh, high_kwh = float(run["wall_energy_kwh"]), row["energy_low_kwh"], row["energy_high_kwh"]
    is_inside = low_kwh <= wall_kwh <= high_kwh
    return Compared(run["machine"], wall_kwh / row["energy_kwh"], is_inside, high_kwh / low_kwh)


class CalibratedMachine(NamedTuple):
    """A machine after some calibration runs: of its other runs, how many are inside, and how wide that is.

    Attributes:
        machine: its name.
        inside: share of runs whose value at the wall is in the interval.
        high_over_low: median of upper over lower end.
        model_high_over_low: the same of the interval of the model.
        excess_share: by how much the interval spreads (upper over lower end, less 1), relative to that of the model.
    """

    machine: str
    inside: float
    high_over_low: float
    model_high_over_low: float
    excess_share: float


FEWEST_TO_CALIBRATE = 15
"""Runs that a machine must have, by one way of measuring, to be calibrated by some and judged by others."""


def calibrated(runs: int, repetitions: int) -> list[CalibratedMachine]:
    """Each machine by some of its runs, chosen by chance, and judged by another one; again and again.

    Args:
        runs: number of calibration runs.
        repetitions: how often for each machine.
    """
    return [_calibrated(rows, runs, repetitions) for rows in _groups().values()]


def calibrated_by_others(runs: int) -> list[tuple[str, float, float]]:
    """Each machine by the line of all others, some runs of each: whether a calibration holds for another machine.

    Args:
        runs: number of runs of each of the other machines.

    Returns:
        Name of the machine, the share of its runs that are inside, and the median of upper over lower end.
    """
    groups, chance, found = _groups(), random.Random(1), []
    for name, rows in groups.items():
        others = [row for other, kept in groups.items() if other != name for row in chance.sample(kept, runs)]
        line = fit([_point(row) for row in others], accuracy=0.0)
        assert line
        points = [_point(row) for row in rows]
        ends = [line.predict(point.meter_w) for point in points]
        inside = sum(end.low_w <= point.wall_w <= end.high_w for end, point in zip(ends, points, strict=True))
        width = statistics.median(end.high_w / max(end.low_w, 0.1) for end in ends)
        found.append((name[0], inside / len(rows), width))
    return found


def _groups() -> dict[tuple[str, ...], list[dict[str, str]]]:
    """The runs of each machine and way of measuring that has enough of them."""
    with RUNS.open(encoding="utf-8", newline="") as file:
        groups: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
        for row in csv.DictReader(file):
            groups[row["machine"], row["cpu_method"], row["gpu_method"], row["ram_method"]].append(row)
    return {name: rows for name, rows in groups.items() if len(rows) >= FEWEST_TO_CALIBRATE}


def _calibrated(rows: list[dict[str, str]], runs: int, repetitions: int) -> CalibratedMachine:
    chance, inside, widths, models = random.Random(1), 0, [], []
    for _ in range(repetitions):
        *known, judged = chance.sample(rows, runs + 1)
        line = fit([_point(row) for row in known], accuracy=0.0)
        assert line
        ends, kwh_per_w = _interval(judged, described=True), float(judged["duration_s"]) / J_PER_KWH
        models.append(ends.high_kwh / ends.low_kwh)
        point = _point(judged)
        if line.covers(point.meter_w, point.duration_s):
            found = line.predict(point.meter_w)
            ends = narrowed(Interval(found.low_w * kwh_per_w, found.high_w * kwh_per_w), found.wall_w * kwh_per_w, ends)
        inside += ends.low_kwh <= float(judged["wall_energy_kwh"]) <= ends.high_kwh
        widths.append(ends.high_kwh / ends.low_kwh if ends.low_kwh > 0 else math.inf)
    width, model = statistics.median(widths), statistics.median(models)
    return CalibratedMachine(rows[0]["machine"], inside / repetitions, width, model, (width - 1) / (model - 1))


def _point(row: dict[str, str]) -> CalibrationPoint:
    seconds = float(row["duration_s"])
    powers = (kwh * J_PER_KWH / seconds for kwh in (_tool_kwh(row), float(row["wall_energy_kwh"])))
    return CalibrationPoint(*powers, seconds, datetime(2026, 1, 1, tzinfo=UTC))


def compare_small_idle() -> list[Compared]:
    """The small idle machines, with 10 W for the memory: the least that CodeCarbon's model has."""
    found = []
    for kind, wall_w in SMALL_IDLE_W.items():
        for share in COUNTED:
            ends = interval(
                {"cpu": share * wall_w / 1000, "gpu": 0.0, "ram": 0.01},
                {"cpu": "rapl", "gpu": "none", "ram": "estimated"},
                3600.0,
                machine_kind=kind,
            )
            assert ends is not None
            is_inside = ends.low_kwh <= wall_w / 1000 <= ends.high_kwh
            found.append(
                Compared("small, idle", wall_w / (share * wall_w + 10), is_inside, ends.high_kwh / ends.low_kwh)
            )
    return found


def _number(text: str) -> float | None:
    return float(text) if text else None


def _whole(text: str) -> int | None:
    return int(text) if text else None


def _print(title: str, runs: list[Compared]) -> None:
    inside = sum(run.is_inside for run in runs) / len(runs)
    ratio = statistics.median(run.wall_over_tool for run in runs)
    width = statistics.median(run.high_over_low for run in runs)
    print(f"{title:<60} {len(runs):>5} {ratio:>9.2f} {inside:>8.0%} {width:>9.2f}")


def main() -> None:
    """Prints a line for each machine and workload."""
    print(f"{'published runs with a wall meter':<60} {'runs':>5} {'wall/tool':>9} {'inside':>8} {'high/low':>9}")
    groups = defaultdict(list)
    for run in compare():
        groups[run.group].append(run)
    for group, runs in groups.items():
        _print(group, runs)
    _print("all (aim: 90 % inside)", compare())
    _print("all, the machine not described", compare(described=False))
    _print("all, as rows of a file of CodeCarbon 2.1 (aim: 95 %, width 8)", compare_as_rows(""))
    _print("all, as rows of a file of CodeCarbon 3.2 (aim: 95 %, width 8)", compare_as_rows("3.2.0"))
    _print("a mini PC, a laptop and a small server, idle (RAPL assumed)", compare_small_idle())
    print()
    print(
        f"{'after calibration runs, judged by another run':<52} {'runs':>5} {'inside':>8} {'high/low':>9} {'model':>8} "
        f"{'share':>7}"
    )
    for runs in (3, 5, 10):
        for machine in calibrated(runs, 1000):
            width, model = machine.high_over_low, machine.model_high_over_low
            print(
                f"{machine.machine:<52} {runs:>5} {machine.inside:>8.1%} {width:>9.2f} {model:>8.2f} "
                f"{machine.excess_share:>7.0%}"
            )
    print()
    print(f"{'calibrated by all other machines':<58} {'inside':>8} {'high/low':>9}")
    for name, inside, width in calibrated_by_others(15):
        print(f"{name:<58} {inside:>8.0%} {width:>9.2f}")


if __name__ == "__main__":
    main()
