"""The runs of a day as a CSV file, for those who collect files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.common.csv_text import csv_text
from carbon_pipeline.common.files import write_text
from carbon_pipeline.warehouse.warehouse import Warehouse

FOLDER = Path("reports") / "daily"
"""Where the files lie in the data folder."""


class Day(NamedTuple):
    """What was written for a day: the file, how many runs, and their energy, kWh, attributed; None if none is known."""

    day: str
    path: Path
    runs: int
    energy_kwh: float | None


def write_days(warehouse: Warehouse, days: Sequence[str]) -> list[Day]:
    """Write a file for each day (UTC, YYYY-MM-DD); a day without a run has a header only.

    Returns:
        What was written, in the order of `days`.

    Raises:
        WarehouseMissingError: nothing has been published yet.
        OSError: the folder cannot be written.
    """
    folder = warehouse.data_dir / FOLDER
    names = [column["column_name"] for column in warehouse.columns("report", "runs")]
    names = ["day", "day_energy_kwh", "day_emissions_kg", *(name for name in names if name != "day_shares")]
    by_day: dict[str, list[dict[str, Any]]] = {day: [] for day in days}
    for row in warehouse.runs_between(min(days), max(days)):
        if (day := f"{row['day']:%Y-%m-%d}") in by_day:
            by_day[day].append(row)
    written = []
    for day, rows in by_day.items():
        path = folder / f"{day}.csv"
        write_text(path, csv_text(names, rows))
        known = [row["day_energy_kwh"] for row in rows if row["day_energy_kwh"] is not None]
        written.append(Day(day, path, len(rows), sum(known) if known else None))
    return written
