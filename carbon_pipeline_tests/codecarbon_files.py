"""Small files as the versions of CodeCarbon have written them, made here; no row of a real person is in them."""

from pathlib import Path

CONSTANT_ID = "5b0fa12a-3dd7-45bb-9766-cc326314d9f1"

ROW_3_3 = {
    "timestamp": "2026-05-01T12:00:10",
    "project_name": "a project",
    "run_id": "11111111-1111-4111-8111-111111111111",
    "experiment_id": "my experiment",
    "duration": "10.0",
    "emissions": "1.68e-06",
    "emissions_rate": "1.68e-07",
    "cpu_power": "7.2",
    "gpu_power": "0.0",
    "ram_power": "3.6",
    "cpu_energy": "2e-05",
    "gpu_energy": "0.0",
    "ram_energy": "1e-05",
    "energy_consumed": "3e-05",
    "water_consumed": "0.0",
    "country_name": "France",
    "country_iso_code": "FR",
    "region": "bretagne",
    "cloud_provider": "",
    "cloud_region": "",
    "os": "Linux-6.1-x86_64",
    "python_version": "3.12.1",
    "codecarbon_version": "3.3.2",
    "cpu_count": "8",
    "cpu_model": "A CPU",
    "gpu_count": "",
    "gpu_model": "",
    "longitude": "-2.8",
    "latitude": "48.1",
    "ram_total_size": "31.2",
    "tracking_mode": "machine",
    "on_cloud": "N",
    "pue": "1.0",
    "wue": "0.0",
}
FALLBACK = {
    "country_name": "Canada",
    "country_iso_code": "CAN",
    "region": "quebec",
    "longitude": "-71.2",
    "latitude": "46.8",
}


def write(path: Path, *rows: dict[str, str], names: list[str] | None = None) -> Path:
    names = names or list(ROW_3_3)
    lines = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def row(**cells: str) -> dict[str, str]:
    """A row; without a rate where the given duration or emissions would contradict it."""
    own = ROW_3_3 | ({"emissions_rate": ""} if cells.keys() & {"duration", "emissions"} else {})
    return {**own, **cells}


VERSION_1 = """
timestamp experiment_id project_name duration emissions energy_consumed country_name country_iso_code region on_cloud
cloud_provider cloud_region
""".split()
VERSION_2_0 = """
timestamp project_name run_id duration emissions emissions_rate cpu_power gpu_power ram_power cpu_energy gpu_energy
ram_energy energy_consumed country_name country_iso_code region cloud_provider cloud_region os python_version cpu_count
cpu_model gpu_count gpu_model longitude latitude ram_total_size tracking_mode on_cloud
""".split()
VERSION_2_2 = [*VERSION_2_0[:20], "codecarbon_version", *VERSION_2_0[20:]]
VERSION_2_3 = [*VERSION_2_2, "pue"]
VERSION_2_8 = [*VERSION_2_3[:3], "experiment_id", *VERSION_2_3[3:]]
VERSION_3_1 = [*VERSION_2_8[:14], "water_consumed", *VERSION_2_8[14:], "wue"]
VERSION_3_2_0 = [name for name in VERSION_3_1 if not name.startswith("gpu_count") and name != "gpu_model"]
VERSION_3_3 = [
    *VERSION_3_1[:-3],
    "cpu_utilization_percent",
    "gpu_utilization_percent",
    "ram_utilization_percent",
    "ram_used_gb",
    *VERSION_3_1[-3:],
]
TASKS_3_3 = [
    "task_name",
    *(name for name in VERSION_3_3 if name not in ("experiment_id", "pue", "wue", "region", "longitude", "latitude")),
]
LAYOUTS = {
    "1.x": VERSION_1,
    "2.0": VERSION_2_0,
    "2.2": VERSION_2_2,
    "2.3": VERSION_2_3,
    "2.8": VERSION_2_8,
    "3.1": VERSION_3_1,
    "3.2.0": VERSION_3_2_0,
    "3.3": VERSION_3_3,
}
"""The columns of run files by version."""

ORIGINAL_FIELDS = """
run_id timestamp project_name duration emissions emissions_rate cpu_power gpu_power ram_power cpu_energy gpu_energy
ram_energy energy_consumed country_name country_iso_code region cloud_provider cloud_region os python_version
codecarbon_version cpu_count cpu_model gpu_count gpu_model longitude latitude ram_total_size tracking_mode on_cloud pue
extra kWh
""".split()


def original_row() -> dict[str, str]:
    """A row as the original script writes it into its `tracking_info.csv`: CodeCarbon's classes print themselves."""
    powers = {f"{part}_power": f"Power(kW={kw})" for part, kw in (("cpu", "0.0072"), ("gpu", "0.0"), ("ram", "0.0036"))}
    energies = {
        f"{part}_energy": f"Power(kW={kwh})" for part, kwh in (("cpu", "2e-05"), ("gpu", "0.0"), ("ram", "1e-05"))
    }
    nothing = dict.fromkeys(("cloud_provider", "cloud_region", "gpu_model", "extra"), "None")
    return row(run_id=CONSTANT_ID, timestamp="2025-01-16 10:25:02", kWh="kWh", **powers, **energies, **nothing)
