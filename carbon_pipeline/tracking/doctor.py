"""How energy would be measured on this machine: the rows of `carbon-pipeline doctor`. Nothing is measured here."""

from pathlib import Path

from pydantic import BaseModel

from carbon_pipeline.common.object_store import ObjectStore
from carbon_pipeline.errors import UserError
from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.model.flags import SHORTEST_BASELINE_S
from carbon_pipeline.model.interval import coefficients, intensity_interval, quality_of
from carbon_pipeline.model.record import TrackingMode
from carbon_pipeline.model.wall_energy import KINDS
from carbon_pipeline.probes.cloud import probe_cloud
from carbon_pipeline.probes.hardware import Hardware, probe_hardware
from carbon_pipeline.probes.location import Location, probe_location
from carbon_pipeline.probes.machine import machine_id
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking.baseline import find_baseline
from carbon_pipeline.tracking.calibration import Way, find_calibrations, line_for
from carbon_pipeline.tracking.intensity import CarbonIntensity, intensity_now
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Reading
from carbon_pipeline.tracking.outbox import MOST_WAITING, RECORDS, outbox, read_state, waiting
from carbon_pipeline.tracking.wall_meter import WallMeterError, log_of, open_wall_meter, wall_meter_name

LEAST_MACHINE_W = 0.5
"""Less than a board computer draws when idle, W."""

_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


class Finding(BaseModel):
    """One row of the report.

    Attributes:
        what: cpu, gpu, ram, machine, idle baseline, wall meter, interval, location, carbon intensity, cloud or
            settings.
        value: the value found; None if unknown.
        method: how its energy would be measured; None for rows without energy.
        source: where the value comes from.
        quality: BoAmps' quality band of that method; None where it is not rated.
        note: further information, such as why a value is unknown and how to get better numbers.
    """

    what: str
    value: str | None = None
    method: str | None = None
    source: str
    quality: str | None = None
    note: str | None = None


def examine(settings: Settings) -> list[Finding]:
    """Probe everything that a record would contain about this machine."""
    hardware, location, cloud = probe_hardware(), probe_location(settings), probe_cloud(settings)
    meter = CodeCarbonMeter()
    try:
        methods, meter_note = meter.prepare(), None
    except Exception as error:  # noqa: BLE001 - any failure inside CodeCarbon is a finding of the report
        methods, meter_note = Reading(), f"CodeCarbon failed: {error}"
    place = ", ".join(part for part in (location.country_name, location.region) if part)
    ram_gb, gpu_count = hardware.ram_gb.value, hardware.gpu_count.value
    findings = [
        Finding(
            what="cpu",
            value=f"{hardware.cpu_model.value or 'unknown'}, {hardware.cpu_count.value} logical CPUs",
            method=methods.cpu_method,
            source=hardware.cpu_model.source,
            quality=quality_of("cpu", methods.cpu_method, methods.cpu_tdp_source),
            note=meter_note or _cpu_note(methods, hardware.machine_kind.value),
        ),
        Finding(
            what="gpu",
            value=hardware.gpu_model.value or (None if gpu_count is None else "none"),
            method=methods.gpu_method,
            source=hardware.gpu_count.source,
            quality=quality_of("gpu", methods.gpu_method),
            note=hardware.gpu_count.reason or _gpu_note(methods, gpu_count),
        ),
        Finding(
            what="ram",
            value=None if ram_gb is None else amount(ram_gb, "GiB"),
            method=methods.ram_method,
            source=hardware.ram_gb.source,
            quality=quality_of("ram", methods.ram_method),
            note="modelled: 5 W per memory module, their number estimated from the size; not measured"
            if methods.ram_method == "estimated"
            else None,
        ),
        _machine_finding(hardware, methods),
        _baseline_finding(settings, methods),
        *(wall := _wall_findings(settings, hardware)),
        _calibration_finding(settings, hardware, methods, meter, wall),
        *_landing_findings(settings),
        Finding(
            what="location",
            value=place or None,
            source=location.source,
            note=location.reason or (None if place else "set CARBON_COUNTRY_ISO_CODE"),
        ),
        _intensity_finding(intensity_now(settings, location, cloud), location),
        Finding(
            what="cloud",
            value=" ".join(part for part in (cloud.provider.value, cloud.region.value) if part) or None,
            source=cloud.provider.source,
            note=cloud.provider.reason,
        ),
    ]
    if meter.ignored_settings:
        findings.append(
            Finding(
                what="settings",
                value="CodeCarbon's own settings",
                source="files and environment variables",
                note=f"ignored: {meter.ignored_settings}",
            )
        )
    return findings


def _cpu_note(methods: Reading, machine_kind: str | None) -> str | None:
    if methods.cpu_method not in ("cpu_load", "constant"):
        return None
    if methods.cpu_tdp_source == "table":
        model = f"modelled from the load and a TDP of {methods.cpu_tdp_w:g} W"
    elif methods.cpu_tdp_source == "85_w":
        model = "modelled: CodeCarbon could not identify this CPU and assumes a TDP of 85 W"
    else:
        model = (
            f"modelled: CodeCarbon has no TDP of this CPU and assumes 4 W per thread, in total {methods.cpu_tdp_w:g} W"
        )
    if _RAPL.exists():
        return f"{model}. Its energy counter is not readable; run (after each boot): sudo chmod a+r {_RAPL}"
    if machine_kind == "virtual":
        return f"{model}. A virtual machine has no access to energy counters; measure on the host for better numbers"
    return f"{model}. No energy counter was found; on Linux, try: sudo modprobe intel_rapl_msr"


def _gpu_note(methods: Reading, gpu_count: int | None) -> str | None:
    if gpu_count and not methods.gpu_tracked_count:
        return "the meter finds no GPU: CodeCarbon needs the command nvidia-smi on the PATH"
    if gpu_count and methods.gpu_tracked_count != gpu_count:
        return f"{methods.gpu_tracked_count} of {gpu_count} GPUs are measured: those listed in CUDA_VISIBLE_DEVICES"
    return None


def _machine_finding(hardware: Hardware, methods: Reading) -> Finding:
    interval_coefficients = coefficients(
        {},
        machine_kind=hardware.machine_kind.value,
        cpu_model=hardware.cpu_model.value,
        cpu_count=hardware.cpu_count.value,
        gpu_model=hardware.gpu_model.value,
        gpu_count=hardware.gpu_count.value,
        gpu_tracked_count=methods.gpu_tracked_count,
    )
    losses, rest_w = interval_coefficients.losses, interval_coefficients.rest_w
    return Finding(
        what="machine",
        value=hardware.machine_kind.value,
        source=hardware.machine_kind.source,
        note=f"by the model, the interval has losses of {losses.low - 1:.0%} to {losses.high - 1:.0%}, and "
        f"{interval(rest_w.low, rest_w.high, 'W')} for mainboard, disks and fans",
    )


def _baseline_finding(settings: Settings, methods: Reading) -> Finding:
    found = find_baseline(settings.data_dir)
    if found is None:
        return Finding(what="idle baseline", source="unknown", note="not measured yet; run: carbon-pipeline baseline")
    notes = [
        (not found.fits(methods, TrackingMode.machine), "not used, since it was measured by other methods"),
        (found.duration_s < SHORTEST_BASELINE_S, f"measured for only {amount(found.duration_s, 's')}"),
        (found.is_busy, f"CPUs busy for {found.load or 0:.0%} of the time"),
    ]
    warnings = "; ".join(text for applies, text in notes if applies)
    return Finding(
        what="idle baseline",
        value=amount(found.power_w, "W"),
        source=f"{found.measured_at:%Y-%m-%d}",
        note=f"{warnings}; run again: carbon-pipeline baseline" if warnings else None,
    )


def _wall_findings(settings: Settings, hardware: Hardware) -> list[Finding]:
    """The wall meter that is configured, and what it says now."""
    name = wall_meter_name(settings)
    if name is None:
        return []
    kind = name.split()[0]
    found = Finding(what="wall meter", source="CARBON_WALL_METER", method=kind)
    accuracy = f"its own error: {KINDS[kind].accuracy:.0%}"
    meter = open_wall_meter(settings)
    if meter is None:
        log = log_of(settings)
        if not log.exists():
            return [found.model_copy(update={"note": f"{log} does not exist (yet)"})]
        return [found.model_copy(update={"value": str(log), "note": f"read after each run; {accuracy}"})]
    try:
        power_w, counter_kwh = meter.read()
    except WallMeterError as error:
        return [found.model_copy(update={"note": f"it cannot be read: {error}"})]
    counter = "no energy counter" if counter_kwh is None else f"energy counter at {counter_kwh:.3f} kWh"
    value = None if power_w is None else amount(power_w, "W")
    notes = [counter, accuracy]
    if power_w is not None and power_w < LEAST_MACHINE_W:
        notes.insert(0, f"it reads {value}, which no machine draws: is this one plugged in there?")
        value = None
    if hardware.machine_kind.value == "virtual":
        notes.append("on a virtual machine, it has to be that of its host, with nothing else on it")
    return [found.model_copy(update={"value": value, "note": "; ".join(notes)})]


def _landing_findings(settings: Settings) -> list[Finding]:
    """The object store that is configured, whether it answers, and what waits to be sent there."""
    url = settings.landing_url
    if url is None:
        return []
    found = Finding(what="landing", value=url, source="CARBON_LANDING_URL")
    notes = []
    try:
        writers = len(ObjectStore(url).folders(RECORDS))
        notes.append(f"it answers, and has records of {writers} data folder{'' if writers == 1 else 's'}")
    except UserError as error:
        found = found.model_copy(update={"value": f"{url}: not usable"})
        notes.append(str(error))
    count, state = len(waiting(settings.data_dir, url)), read_state(settings.data_dir, url)
    if count:
        notes.append(f"{count:,} record{'' if count == 1 else 's'} in {outbox(settings.data_dir, url)} not sent yet")
    if state and state.failed_since and "not usable" in str(found.value):
        notes.append(f"sending has failed since {state.failed_since:%Y-%m-%d %H:%M} UTC: {state.error}")
    if count >= MOST_WAITING:
        notes.append("it is full: further records stay in landing/ of this machine")
    return [found.model_copy(update={"note": "; ".join(dict.fromkeys(notes))})]


def _calibration_finding(
    settings: Settings, hardware: Hardware, methods: Reading, meter: CodeCarbonMeter, wall: list[Finding]
) -> Finding:
    """Where the intervals of runs on this machine come from."""
    machine = machine_id(hardware.cpu_model.value, hardware.ram_gb.value, settings.host_id)
    lines = find_calibrations(machine, settings.data_dir)
    found = Finding(what="interval", value="model", source="docs/measuring.md")
    if settings.tracking_mode is not TrackingMode.machine:
        return found.model_copy(update={"note": "in process mode, no meter at the wall can tell the energy"})
    if any(row.value for row in wall):
        return found.model_copy(update={"value": "wall meter", "source": "CARBON_WALL_METER"})
    if not lines:
        note = "a meter at the wall makes it narrow: CARBON_WALL_METER, carbon-pipeline calibrate"
        return found.model_copy(update={"note": None if wall else note})
    parts = {
        name: getattr(hardware, name).value for name in ("cpu_model", "cpu_count", "gpu_model", "gpu_count", "ram_gb")
    }
    way = Way.of({**vars(methods), **parts, "meter": meter.name, "codecarbon_version": meter.version})
    line, reason = line_for(way, lines)
    if line is None:
        return found.model_copy(update={"note": reason})
    calibrated = line.calibration
    return Finding(
        what="interval",
        value=f"calibrated by {calibrated.runs} runs",
        source=f"{calibrated.last_at:%Y-%m-%d}",
        note=f"for runs of {calibrated.least_s / 2:.3g} s at least in which the meter sees {calibrated.least_w:.3g} to "
        f"{calibrated.most_w:.3g} W",
    )


def _intensity_finding(found: CarbonIntensity, location: Location) -> Finding:
    ends = intensity_interval(found.g_per_kwh, found.source, location.country_iso_code, location.region)
    low, high = ends or (found.g_per_kwh, found.g_per_kwh)
    notes = [found.note, f"average of {found.year}" if found.year else None]
    if low < high:
        notes.append(f"interval for a run: {interval(low, high, 'gCO2eq/kWh')}")
    if found.source == "world_average":
        notes.append("the country is unknown: set CARBON_COUNTRY_ISO_CODE or CARBON_INTENSITY_G_PER_KWH")
    return Finding(
        what="carbon intensity",
        value=amount(found.g_per_kwh, "gCO2eq/kWh"),
        source=found.source,
        note="; ".join(note for note in notes if note) or None,
    )
