"""The calibration of this machine, kept in `calibration/` of the data folder, and its use for a run.

One file for each machine (`machine_id`), with a line for each way of measuring: methods of CPU, GPU and RAM, and
version of the meter. It is made by `carbon-pipeline calibrate` from runs with a wall meter, and lasts until the machine
or the way of measuring changes.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from carbon_pipeline.common.files import remove_stale_parts, write_text
from carbon_pipeline.model.calibration import Calibration
from carbon_pipeline.probes.hardware import Hardware
from carbon_pipeline.probes.machine import installed_gb
from carbon_pipeline.tracking.meter import CodeCarbonMeter

FOLDER = "calibration"


class Way(BaseModel):
    """A way of measuring: runs of one way have one line.

    Attributes:
        cpu_method: method of the CPU.
        gpu_method: method of the GPUs.
        ram_method: method of the memory.
        cpu_tdp_w: TDP that a modelled CPU assumes, W.
        gpu_tracked_count: number of measured GPUs.
        meter: name of the meter with the first two numbers of its version: its models change with them.
        hardware: CPU, GPUs and memory, as text.
    """

    model_config = ConfigDict(frozen=True)

    cpu_method: str
    gpu_method: str
    ram_method: str
    cpu_tdp_w: float | None = None
    gpu_tracked_count: int | None = None
    meter: str
    hardware: str

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Way":
        """The way of a run.

        Args:
            fields: fields of its record, or columns of its row in report.runs, by name.
        """
        parts = [fields[name] for name in ("cpu_model", "cpu_count", "gpu_model", "gpu_count")]
        own = {name: fields[name] for name in cls.model_fields if name not in ("meter", "hardware")}
        return cls(
            **own,
            meter=" ".join([fields["meter"], *re.findall(r"^\d+\.\d+", fields["codecarbon_version"] or "")]),
            hardware=", ".join(map(str, [*parts, installed_gb(fields["ram_gb"])])),
        )

    def differences(self, other: "Way") -> list[str]:
        """What of another way differs, in the words of the field."""
        return [name for name in type(self).model_fields if getattr(self, name) != getattr(other, name)]


class Calibrated(BaseModel):
    """The line of one way of measuring.

    Attributes:
        way: the way.
        wall_meter: name of the wall meter.
        calibration: the line.
    """

    model_config = ConfigDict(frozen=True)

    way: Way
    wall_meter: str
    calibration: Calibration


class _File(BaseModel):
    machine_id: str
    lines: list[Calibrated]


def write_calibrations(machine_id: str, lines: Sequence[Calibrated], data_dir: Path) -> Path:
    """Write the lines of a machine, in place of those that it had.

    Raises:
        OSError: the data folder cannot be written.
    """
    path = calibration_path(machine_id, data_dir)
    remove_stale_parts(path.parent)
    write_text(path, _File(machine_id=machine_id, lines=list(lines)).model_dump_json(indent=1) + "\n")
    return path


def find_calibrations(machine_id: str | None, data_dir: Path) -> list[Calibrated]:
    """Read the lines of a machine; none where there are none, or they cannot be read."""
    if machine_id is None:
        return []
    try:
        found = _File.model_validate_json(calibration_path(machine_id, data_dir).read_bytes())
    except (OSError, ValidationError):
        return []
    return found.lines if found.machine_id == machine_id else []


def line_for(way: Way, lines: Sequence[Calibrated]) -> tuple[Calibrated | None, str | None]:
    """The line of a way of measuring.

    Returns:
        The line, or why none of those that there are can be used; nothing of both where there is none.
    """
    for line in lines:
        if line.way == way:
            return line, None
    if not lines:
        return None, None
    nearest = min((line.way for line in lines), key=lambda other: len(other.differences(way)))
    changed = ", ".join(
        f"{name} was {getattr(nearest, name)}, is {getattr(way, name)}" for name in nearest.differences(way)
    )
    return None, f"the calibration of this machine does not hold: {changed}; run: carbon-pipeline calibrate"


def calibration_path(machine_id: str, data_dir: Path) -> Path:
    """The file of a machine; characters that may be invalid in a file name become underscores."""
    return data_dir / FOLDER / f"{re.sub(r'[^A-Za-z0-9.-]', '_', machine_id)[:100]}.json"


def way_now(hardware: Hardware) -> Way:
    """How this machine would measure a run that began now.

    Raises:
        Exception: CodeCarbon failed.
    """
    meter = CodeCarbonMeter()
    methods = vars(meter.prepare())
    parts = {
        name: getattr(hardware, name).value for name in ("cpu_model", "cpu_count", "gpu_model", "gpu_count", "ram_gb")
    }
    return Way.of({**methods, **parts, "meter": meter.name, "codecarbon_version": meter.version})
