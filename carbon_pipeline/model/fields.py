"""The 33 fields of CodeCarbon's original conversion table: meaning, unit, source, and place in a BoAmps report.

This one list defines the rows of `data/tracking_info.csv` and `carbon-pipeline export csv`, the table in docs/fields.md
and the view `report.field_mapping`. BoAmps paths are those of the schemas at commit 3bfefec, form paths those of
`report.txt` as BoAmps' bash tool writes it, codes those of the form of January 2025.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from carbon_pipeline.common.csv_text import csv_text
from carbon_pipeline.model.record import RunRecord

NOT_IN_BOAMPS = "NTBA"
"""BoAmps' own abbreviation for values without a field in its schemas ("needs to be added")."""


@dataclass(frozen=True)
class Field:
    """One of the 33 fields.

    Attributes:
        name: name of the field in the file.
        meaning: description of the value.
        unit: unit of the value.
        source: how the value is obtained.
        column: the column of `report.runs` that it comes from.
        boamps_path: path in a BoAmps report, `NTBA` if there is none.
        form_path: path in `report.txt`, empty if there is none.
        code: code in the BoAmps form, empty if there is none.
        convert: function from a row of `report.runs` to the value; None takes the column unchanged.
    """

    name: str
    meaning: str
    unit: str
    source: str
    column: str
    boamps_path: str = NOT_IN_BOAMPS
    form_path: str = ""
    code: str = ""
    convert: Callable[[Mapping[str, Any]], Any] | None = None

    def value(self, run: Mapping[str, Any]) -> Any:
        """The value of the field for one run.

        Args:
            run: a row of `report.runs`, or a record as a mapping.

        Returns:
            The value, in `unit`; None where it is not known.
        """
        return self.convert(run) if self.convert else run.get(self.column)


def _moment(run: Mapping[str, Any]) -> str:
    ended_at = run["ended_at"]
    ended_at = datetime.fromisoformat(ended_at) if isinstance(ended_at, str) else ended_at
    return ended_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _kilowatts(column: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda run: None if run.get(column) is None else run[column] / 1000


def measurement_method(run: Mapping[str, Any]) -> str:
    """The meter and its method for each component, such as `codecarbon;cpu=cpu_load;gpu=none;ram=estimated`.

    Args:
        run: a row of `report.runs`, or a record as a mapping.
    """
    parts = (f"{part}={run.get(f'{part}_method') or 'unknown'}" for part in ("cpu", "gpu", "ram"))
    return ";".join((run.get("meter") or "codecarbon", *parts))


_PART = f"{NOT_IN_BOAMPS} as a field (it is the powerConsumption of a separate measure)"
_GPU = "infrastructure.components[gpu]"
_CPU = "infrastructure.components[cpu]"

FIELDS: tuple[Field, ...] = (
    Field("run_id", "ID of the run, unique", "uuid", "a new uuid4 for each run", "run_id",
          "header.reportId", "[header]reportId", "H4"),
    Field("timestamp", "End of the run, UTC", "YYYY-MM-DD HH:MM:SS", "system clock at the end of the run",
          "ended_at",
          "header.reportDatetime (measures[].measurementDateTime is the start)",
          "[header]reportDatetime, [measures](measures.1)measurementDateTime", "H5, M114", convert=_moment),
    Field("project_name", "Project that the run belongs to", "text",
          "argument of `track` or configuration of the asset; default `carbon_pipeline`", "project_name",
          "header.publisher.projectName", "[header][publisher]projectName"),
    Field("duration", "Duration of the tracked work, by a monotonic clock", "s", "Python's `time.perf_counter`",
          "duration_s",
          "measures[].measurementDuration", "[measures](measures.1)measurementDuration", "M113"),
    Field("emissions", "Emissions: energy times carbon intensity", "kg CO2eq", "energy times carbon intensity",
          "emissions_kg"),
    Field("emissions_rate", "Emissions over duration", "kg CO2eq/s", "emissions over duration",
          "emissions_rate_kg_per_s"),
    Field("cpu_power", "Mean power of the CPUs: energy over duration", "kW", "energy over duration", "cpu_power_w",
          convert=_kilowatts("cpu_power_w")),
    Field("gpu_power", "Mean power of the GPUs: energy over duration", "kW", "energy over duration", "gpu_power_w",
          convert=_kilowatts("gpu_power_w")),
    Field("ram_power", "Mean power of the memory: energy over duration", "kW", "energy over duration", "ram_power_w",
          convert=_kilowatts("ram_power_w")),
    Field("cpu_energy", "Energy of the CPUs", "kWh", "CodeCarbon's task measurement, by the method in cpu_method",
          "cpu_energy_kwh", _PART),
    Field("gpu_energy", "Energy of the GPUs", "kWh", "CodeCarbon's task measurement, by the method in gpu_method",
          "gpu_energy_kwh", _PART),
    Field("ram_energy", "Energy of the memory", "kWh",
          "CodeCarbon's task measurement, by the method in ram_method", "ram_energy_kwh", _PART),
    Field("energy_consumed", "Measured energy: the sum of CPU, GPU and memory", "kWh",
          "sum of cpu_energy, gpu_energy and ram_energy", "energy_kwh",
          "measures[].powerConsumption (their sum)", "[measures](measures.1)powerConsumption", "M112"),
    Field("country_name", "Country where the machine is located", "text",
          "`CARBON_COUNTRY_ISO_CODE`, else ip-api.com; its name from ISO 3166-1", "country_name",
          "environment.country", "[environment]country", "E1"),
    Field("country_iso_code", "Country code, ISO 3166-1 alpha-2", "two letters",
          "`CARBON_COUNTRY_ISO_CODE`, else ip-api.com", "country_iso_code"),
    Field("region", "Geographic region within the country", "text", "`CARBON_REGION`, else ip-api.com", "region",
          "environment.location", "[environment]location"),
    Field("cloud_provider", "Cloud provider, empty outside a cloud", "text", "`CLOUD_PROVIDER`", "cloud_provider",
          "infrastructure.cloudProvider", "[infrastructure]cloudProvider", "I2"),
    Field("cloud_region", "Cloud region, by the provider's name", "text", "`CLOUD_REGION`", "cloud_region"),
    Field("os", "Operating system", "text", "Python's `platform.system`", "os", "system.os", "[system]os", "S1"),
    Field("python_version", "Version of Python", "text", "Python's `platform.python_version`", "python_version",
          "software.version", "[software]version"),
    Field("codecarbon_version", "Version of CodeCarbon", "text", "CodeCarbon's `__version__`", "codecarbon_version",
          "measures[].version", "[measures](measures.1)version", "M13"),
    Field("cpu_count", "Number of logical CPUs", "count", "psutil's `cpu_count(logical=True)`", "cpu_count",
          f"{_CPU}.nbComponent", "[infrastructure](components.1)nbComponent", "IC12"),
    Field("cpu_model", "Name of the CPU", "text",
          "Linux: /proc/cpuinfo; macOS: sysctl; Windows: WMI; else py-cpuinfo", "cpu_model",
          f"{_CPU}.componentName", "[infrastructure](components.1)componentName", "IC11"),
    Field("gpu_count", "Number of GPUs that NVML reports", "count", "NVML", "gpu_count",
          f"{_GPU}.nbComponent", "[infrastructure](components.2)nbComponent", "IC12"),
    Field("gpu_model", "Name of the GPUs, empty if there are none", "text", "NVML", "gpu_model",
          f"{_GPU}.componentName", "[infrastructure](components.2)componentName", "IC11"),
    Field("longitude", "Longitude, degrees east", "degrees", "ip-api.com", "longitude",
          "environment.longitude", "[environment]longitude", "E3"),
    Field("latitude", "Latitude, degrees north", "degrees", "ip-api.com", "latitude", "environment.latitude",
          "[environment]latitude", "E2"),
    Field("ram_total_size", "Main memory, in units of 2^30 bytes as in CodeCarbon", "GB",
          "psutil's `virtual_memory().total`", "ram_gb",
          "infrastructure.components[ram].memorySize", "[infrastructure](components.3)memorySize", "IC13"),
    Field("tracking_mode", "Scope of the measurement; the methods, cpuTrackingMode (M14) and gpuTrackingMode (M15), "
          "come from cpu_method and gpu_method", "machine, process",
          "configured; default `machine`", "tracking_mode"),
    Field("on_cloud", "Whether a cloud provider is known", "Yes, No", "whether cloud_provider is set",
          "cloud_provider",
          "infrastructure.infraType", "[infrastructure]infraType",
          convert=lambda run: "Yes" if run.get("cloud_provider") else "No"),
    Field("pue", "Power usage effectiveness (PUE) included in the energies", "ratio", "`CARBON_PUE`, or configured",
          "pue"),
    Field("extra", "Measurement method: the meter, and its method for each component", "text",
          "name and methods of the meter",
          "cpu_method, gpu_method, ram_method", "measures[].measurementMethod",
          "[measures](measures.1)measurementMethod", "M11", convert=measurement_method),
    Field("kWh", "Unit of the energies", "kWh", "always kWh", "energy_kwh",
          "measures[].powerConsumption (its unit)", "[measures](measures.*)unit", "M19", convert=lambda run: "kWh"),
)  # fmt: skip

FIELD_NAMES = tuple(field.name for field in FIELDS)


def field_record(run: Mapping[str, Any] | RunRecord) -> dict[str, Any]:
    """The 33 fields of one run, in the order of the original document.

    Args:
        run: a record, or a row of `report.runs` as a mapping.

    Returns:
        The values by field name; None where a value is not known.
    """
    row = run.model_dump() if isinstance(run, RunRecord) else run
    return {field.name: field.value(row) for field in FIELDS}


def to_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Field records as CSV with a header."""
    return csv_text(FIELD_NAMES, rows)
