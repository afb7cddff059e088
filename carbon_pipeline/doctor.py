"""What would be measured on this machine, and how: the rows of `carbon-pipeline doctor`. It measures nothing."""

from pydantic import BaseModel

from carbon_pipeline.probes.cloud import probe_cloud
from carbon_pipeline.probes.hardware import probe_hardware
from carbon_pipeline.probes.location import probe_location
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking.intensity import find_intensity
from carbon_pipeline.tracking.meter import CodeCarbonMeter, Reading
from carbon_pipeline.tracking.quality import MODELLED, quality_of


class Finding(BaseModel):
    """One row of the report.

    Attributes:
        what: cpu, gpu, ram, location, carbon intensity or cloud.
        value: what is there.
        method: how its energy would be measured; None for what has no energy.
        source: what said so.
        quality: BoAmps' quality band of that method, None where it is not rated.
        note: what a reader should know, such as why something is unknown and what to do.
    """

    what: str
    value: str | None = None
    method: str | None = None
    source: str
    quality: str | None = None
    note: str | None = None


def examine(settings: Settings) -> list[Finding]:
    """Looks at everything that a record would say of this machine.

    Args:
        settings: the settings in force.

    Returns:
        One finding each for cpu, gpu, ram, location, carbon intensity and cloud.
    """
    hardware, location, cloud = probe_hardware(), probe_location(settings), probe_cloud(settings)
    try:
        methods, meter_note = CodeCarbonMeter().prepare(), None
    except Exception as error:  # noqa: BLE001 - whatever fails inside CodeCarbon is what the user came to hear
        methods, meter_note = Reading(), f"CodeCarbon failed: {error}"
    intensity = find_intensity(
        settings.intensity_g_per_kwh,
        location.country_iso_code,
        location.region,
        cloud.provider.value,
        cloud.region.value,
    )
    place = ", ".join(part for part in (location.country_name, location.region) if part)
    ram_gb, gpu_count = hardware.ram_gb.value, hardware.gpu_count.value
    return [
        Finding(
            what="cpu",
            value=f"{hardware.cpu_model.value or 'unknown'}, {hardware.cpu_count.value} logical CPUs",
            method=methods.cpu_method,
            source=hardware.cpu_model.source,
            quality=quality_of(methods.cpu_method),
            note=meter_note or _cpu_note(methods),
        ),
        Finding(
            what="gpu",
            value=hardware.gpu_model.value if gpu_count else "none",
            method=methods.gpu_method,
            source=hardware.gpu_count.source,
            quality=quality_of(methods.gpu_method),
            note=hardware.gpu_count.reason,
        ),
        Finding(
            what="ram",
            value=None if ram_gb is None else f"{ram_gb:.1f} GiB",
            method=methods.ram_method,
            source=hardware.ram_gb.source,
            quality=quality_of(methods.ram_method),
            note=MODELLED.get(methods.ram_method),
        ),
        Finding(
            what="location",
            value=place or None,
            source=location.source,
            note=location.reason or (None if place else "set CARBON_COUNTRY_ISO_CODE"),
        ),
        Finding(
            what="carbon intensity",
            value=f"{intensity.g_per_kwh:.0f} gCO2eq/kWh",
            source=intensity.source,
            note="the country is not known: set CARBON_COUNTRY_ISO_CODE or CARBON_INTENSITY_G_PER_KWH"
            if intensity.source == "world_average"
            else None,
        ),
        Finding(
            what="cloud",
            value=" ".join(part for part in (cloud.provider.value, cloud.region.value) if part) or None,
            source=cloud.provider.source,
            note=cloud.provider.reason,
        ),
    ]


def _cpu_note(methods: Reading) -> str | None:
    if methods.cpu_known is False:
        return f"CodeCarbon does not know this CPU and reckons with {methods.cpu_tdp_w:g} W"
    return MODELLED.get(methods.cpu_method)
