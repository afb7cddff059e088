"""The command `calibrate`: the energy at the wall of this machine, from its runs with a wall meter."""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon_pipeline.cli.progress import working
from carbon_pipeline.cli.terminal import counted, print_json, print_table, print_wrapped, say
from carbon_pipeline.cli.warehouse import open_warehouse
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.amounts import amount, number
from carbon_pipeline.model.calibration import ENOUGH_RUNS, FEWEST_RUNS, CalibrationPoint, fit
from carbon_pipeline.settings import Settings, read_settings

if TYPE_CHECKING:
    from carbon_pipeline.tracking.calibration import Calibrated, Way
    from carbon_pipeline.warehouse.warehouse import Warehouse

WIDE_LINE = 1.5
"""Upper over lower end of a line's interval from which on it is called wide."""


def calibrate(
    wall: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A log of a wall meter (CSV: time, power in W or energy in kWh) to add."),
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN_ID", help="The run that the log is added to; a unique prefix will do.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Fit this machine's energy at the wall from its runs with a wall meter, and show how narrow its interval is."""
    from carbon_pipeline.tracking.calibration import find_calibrations, write_calibrations

    if (wall is None) != (run is None):
        raise InputError("--wall FILE and --run RUN_ID belong together: the log, and the run that it is added to")
    settings = read_settings()
    warehouse = open_warehouse()
    with working("loading the runs"):
        warehouse.load_here()
    if wall and run:
        _add_log(warehouse, wall, run)
    with working("looking at this machine"):
        machine, way = _this_machine(settings)
    lines, few, left_out = _lines(warehouse, machine)
    if lines or find_calibrations(machine, settings.data_dir):  # what its runs do not give any more is no longer used
        write_calibrations(machine, lines, settings.data_dir)
    own = next((line for line in lines if line.way == way), None)
    if as_json:
        print_json(_as_json(machine, own, few.get(way, 0)))
        return
    _print(lines, few, own, way)
    if way in left_out:
        print_wrapped(
            f"{left_out[way]}: not in this line, which is that of one wall meter, the last one with {FEWEST_RUNS} runs."
        )


def _this_machine(settings: Settings) -> tuple[str, "Way"]:
    """What this machine is called, and how it would measure now."""
    from carbon_pipeline.probes.hardware import probe_hardware
    from carbon_pipeline.probes.machine import machine_id
    from carbon_pipeline.tracking.calibration import way_now

    hardware = probe_hardware()
    machine = machine_id(hardware.cpu_model.value, hardware.ram_gb.value, settings.host_id)
    if machine is None:
        raise InputError("this machine cannot be told from others: name it in CARBON_HOST_ID")
    return machine, way_now(hardware)


def _lines(warehouse: "Warehouse", machine: str) -> tuple[list["Calibrated"], dict["Way", int], dict["Way", str]]:
    """The lines that the machine's runs give; of each way that has none, its number of runs; and what is left out.

    A line is one of a single wall meter: the last one that has runs enough for it.
    """
    from carbon_pipeline.tracking.calibration import Calibrated, Way
    from carbon_pipeline.warehouse import sql

    rows = warehouse.rows(sql.statement("queries", "calibration_runs"), {"machine_id": machine})
    by_way: dict[Way, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        by_way.setdefault(Way.of(row), {}).setdefault(row["wall_meter"], []).append(row)
    lines, few, left_out = [], {}, {}
    for way, by_meter in by_way.items():
        few[way] = max(map(len, by_meter.values()))
        for wall_meter, runs in by_meter.items():  # the last one first
            points = [
                CalibrationPoint(row["meter_w"], row["wall_w"], row["duration_s"], row["ended_at"]) for row in runs
            ]
            # What the readings of all runs may have in common: the meter's own error, and its lag where runs are short.
            accuracy = statistics.median(row["error"] for row in runs)
            if calibration := fit(points, accuracy):
                lines.append(Calibrated(way=way, wall_meter=wall_meter, calibration=calibration))
                del few[way]
                break
        used = lines[-1].wall_meter if way not in few else None
        others = {name: runs for name, runs in by_meter.items() if name != used}
        if others and (used or len(by_meter) > 1):
            left_out[way] = ", ".join(f"{counted(len(runs), 'run')} with {name}" for name, runs in others.items())
    return lines, few, left_out


def _add_log(warehouse: "Warehouse", wall: Path, run_id: str) -> None:
    from carbon_pipeline.tracking.landing import land_again
    from carbon_pipeline.tracking.run_record import with_wall_log
    from carbon_pipeline.tracking.wall_meter import WallMeterError

    row = warehouse.run(run_id)
    record = warehouse.stored_record(row["run_id"])
    if record is None:
        raise InputError(f"run {row['run_id']} is no record of this project, but from {row['source_file']}")
    if row["wall_energy_kwh"] is not None:
        raise InputError(f"run {record.run_id} has the energy of a wall meter already ({row['wall_meter']})")
    try:
        found = with_wall_log(record, wall)
    except WallMeterError as error:
        raise InputError(str(error)) from None
    if found.wall_energy_kwh is None:
        raise InputError(f"{wall} does not tell the energy of run {record.run_id}: {found.wall_error}")
    path = land_again(found, warehouse.data_dir, "wall", warehouse.landing_url)
    warehouse.load_here()
    say(f"{amount(found.wall_energy_kwh, 'kWh')} at the wall added to run {record.run_id}: {path}")
    if found.wall_error:
        say(f"the log has faults: {found.wall_error}")


def _width(line: "Calibrated") -> float | None:
    found = line.calibration.predict(line.calibration.mean_w)
    return found.high_w / found.low_w if found.low_w > 0 else None


def _as_json(machine: str, own: "Calibrated | None", few: int) -> dict[str, Any]:
    if own is None:
        return {"host_id": machine, "runs": few, "width": None, "valid": False}
    return {
        "host_id": machine,
        "runs": own.calibration.runs,
        "width": _width(own),
        "valid": True,
        "idle_w": own.calibration.idle_w,
        "losses": own.calibration.losses,
        "least_w": own.calibration.least_w,
        "most_w": own.calibration.most_w,
        "first_at": own.calibration.first_at,
        "last_at": own.calibration.last_at,
        "wall_meter": own.wall_meter,
    }


def _print(lines: list["Calibrated"], few: dict["Way", int], own: "Calibrated | None", way: "Way") -> None:
    if lines:
        rows = []
        for line in lines:
            found, width = line.calibration, _width(line)
            slope = f" + {found.losses:.2f} x meter" if found.losses else ""
            rows.append({
                "methods": ", ".join((line.way.cpu_method, line.way.gpu_method, line.way.ram_method)),
                "runs": found.runs,
                "wall": f"{found.idle_w:.1f} W{slope}",
                "meter": f"{found.least_w:.3g} to {found.most_w:.3g} W",
                "high/low": "-" if width is None else number(width),
                "last run": f"{found.last_at:%Y-%m-%d}",
                "": "in use" if line == own else "another way of measuring",
            })  # fmt: skip
        print_table(
            rows,
            "Power at the wall of this machine by that of its meter; high/low: ends of the interval",
        )
    if own is None:
        have = few.get(way, 0)
        print_wrapped(
            f"This machine, as it measures now, has {counted(have, 'run')} with a wall meter; {FEWEST_RUNS} are "
            f"needed, {ENOUGH_RUNS} are enough. Set CARBON_WALL_METER and run work of different power for 10 s each, "
            "or add a log to a run: carbon-pipeline calibrate --wall FILE --run RUN_ID."
        )
    else:
        print_wrapped(" ".join(_remarks(own)))


def _remarks(own: "Calibrated") -> list[str]:
    """What somebody should know of a line that is in use."""
    found, width = own.calibration, _width(own)
    remarks = [
        f"It is used for runs of {found.least_s / 2:.3g} s at least in which the meter sees about "
        f"{found.least_w:.3g} to {found.most_w:.3g} W; others have the wider interval of the model."
    ]
    if found.has_one_power:
        remarks.append("All runs had the same power: run work of other powers to make it hold for more.")
    if found.idle_w < 0 or width is None or width > WIDE_LINE:
        modelled = own.way.cpu_method in ("cpu_load", "constant")
        why = f", since the meter's CPU power is modelled ({own.way.cpu_method})" if modelled else ""
        remarks.append(f"The runs are far from a line{why}: leave the wall meter in for runs that matter.")
    elif found.runs < ENOUGH_RUNS:
        more = ENOUGH_RUNS - found.runs
        remarks.append(f"{counted(more, 'more run')} with a wall meter would make the interval narrower.")
    else:
        remarks.append("More runs would hardly make the interval narrower, unless they have other powers than these.")
    return remarks
