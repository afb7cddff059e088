"""Runs of several projects over some weeks, for the page in a browser and for the pictures of the documentation."""

import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from carbon_pipeline.model.budget import At, Budget, Period
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline.report.budgets import keep_budget
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

FIRST = datetime(2026, 9, 1, tzinfo=UTC)
PLACES = (("FR", "France", 56.0), ("DE", "Germany", 350.0), ("PL", "Poland", 650.0))
READINGS = 120


def demo_warehouse(
    data_dir: Path, projects: tuple[str, ...] = ("vision", "speech", "ranking"), runs: int = 60
) -> Warehouse:
    """Make a warehouse with runs that have curves, phases, failures and budgets; the same each time."""
    chance = random.Random(7)
    for number in range(runs):
        duration_s, power_w = chance.uniform(600, 9000), chance.uniform(60, 250)
        kwh = power_w * duration_s / 3.6e6
        has_gpu = number % 3 != 0
        load = [0.0, *accumulate(0.3 if step % 30 < 5 else chance.uniform(0.9, 1.1) for step in range(READINGS))]
        shares = [value / load[-1] for value in load]
        gpu_kwh = kwh if has_gpu else 0.0
        samples = Samples(
            at_s=[duration_s * step / READINGS for step in range(READINGS + 1)],
            cpu_energy_kwh=[0.4 * kwh * share for share in shares],
            gpu_energy_kwh=[kwh * share for share in shares] if has_gpu else None,
            ram_energy_kwh=[0.05 * kwh * step / READINGS for step in range(READINGS + 1)],
        )

        def phase(name: str, first: int, last: int) -> Phase:
            within = shares[last] - shares[first]  # noqa: B023 - called within the same turn
            part = (last - first) / READINGS
            energies = {
                "cpu_energy_kwh": 0.4 * kwh * within,  # noqa: B023
                "gpu_energy_kwh": gpu_kwh * within,  # noqa: B023
                "ram_energy_kwh": 0.05 * kwh * part,  # noqa: B023
            }
            start_s = duration_s * first / READINGS  # noqa: B023
            return Phase(name=name, started_s=start_s, duration_s=duration_s * part, **energies)  # noqa: B023

        code, country, intensity = chance.choice(PLACES)
        record = make_record(
            ended_at=FIRST + timedelta(hours=chance.uniform(0, 24 * 70)),
            duration_s=duration_s,
            project_name=projects[number % len(projects)],
            asset_key=chance.choice(["train", "evaluate", "embed"]),
            status=chance.choice(["completed"] * 8 + ["failed", "interrupted"]),
            cpu_energy_kwh=0.4 * kwh,
            gpu_energy_kwh=gpu_kwh,
            ram_energy_kwh=0.05 * kwh,
            cpu_method="rapl",
            gpu_method="nvml_counter" if has_gpu else "none",
            gpu_count=int(has_gpu),
            gpu_model="NVIDIA A100-SXM4-40GB" if has_gpu else None,
            cpu_model="AMD EPYC 7742 64-Core Processor" if has_gpu else "Intel(R) Xeon(R) Gold 6248",
            country_iso_code=code,
            country_name=country,
            carbon_intensity_g_per_kwh=intensity,
            flags=["short_baseline"] if number % 9 == 0 else [],
            samples=samples,
            phases=[phase("load", 0, 5), *(phase("epoch", start, start + 28) for start in (5, 35, 65, 91))],
        )
        land(record.with_intervals_of_phases(), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    keep_budget(data_dir, "train", Budget(max_kwh=4.0, period=Period.month))
    keep_budget(data_dir, "evaluate", Budget(max_kg=2.0, period=Period.month, at=At.wall))
    return warehouse
