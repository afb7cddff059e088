"""The carbon metadata that a tracked asset shows: plain numbers and texts, under keys that never change their unit."""

from carbon_pipeline.tracking.record import RunRecord


def carbon_metadata(record: RunRecord | None) -> dict[str, float | str]:
    """What a materialization says of its energy. Dagster plots the floats; what is not known is left out, never 0.

    Args:
        record: what was measured, if there is a record.

    Returns:
        Metadata by key.
    """
    if record is None:
        return {}
    found = {
        "carbon/energy_kwh": record.energy_kwh,
        "carbon/energy_low_kwh": record.energy_low_kwh,
        "carbon/energy_high_kwh": record.energy_high_kwh,
        "carbon/energy_above_idle_kwh": record.energy_above_idle_kwh,
        "carbon/quality": record.quality,
        "carbon/emissions_kg": record.emissions_kg,
        "carbon/emissions_low_kg": record.emissions_low_kg,
        "carbon/emissions_high_kg": record.emissions_high_kg,
        "carbon/duration_s": record.duration_s,
        "carbon/carbon_intensity_g_per_kwh": record.carbon_intensity_g_per_kwh,
        "carbon/method": f"cpu={record.cpu_method}, gpu={record.gpu_method}, ram={record.ram_method}",
        "carbon/intensity_source": record.intensity_source,
        "carbon/location_source": record.location_source,
        "carbon/flags": ", ".join(record.flags) or "none",
        "carbon/run_id": record.run_id,
    }
    return {key: value for key, value in found.items() if value is not None}
