"""The carbon metadata that a tracked asset shows: plain numbers and texts, under keys that never change their unit."""

from carbon_pipeline.tracking.record import RunRecord, mean_power_w


def carbon_metadata(record: RunRecord | None, assets_of_the_step: int = 1) -> dict[str, float | str]:
    """What a materialization says of its energy. Dagster plots the floats; what is not known is left out, never 0.

    Args:
        record: what was measured, if there is a record.
        assets_of_the_step: how many assets the measured step makes; the numbers are those of the step.

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
        "carbon/power_w": mean_power_w(record.energy_kwh, record.duration_s),
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
        "carbon/status": record.status,
        "carbon/attempt": record.retry_number or None if record.status == "completed" else record.retry_number,
        "carbon/assets_of_the_step": assets_of_the_step if assets_of_the_step > 1 else None,
        "carbon/run_id": record.run_id,
    }
    return {key: value for key, value in found.items() if value is not None}


def summary(record: RunRecord, assets_of_the_step: int = 1) -> str:
    """One line of Markdown that a person understands.

    Args:
        record: what was measured.
        assets_of_the_step: see `carbon_metadata`.

    Returns:
        The line, such as `**12.3 mWh** in 4.1 s (10.8 W), **5.8 mg CO2eq**; at the wall 10 to 48 mWh (quality low)`.
    """
    if record.energy_kwh is None:
        return f"energy not known: {record.meter_error or ', '.join(record.flags) or 'the meter saw nothing'}"
    power_w = mean_power_w(record.energy_kwh, record.duration_s)
    parts = [f"**{_amount(record.energy_kwh * 1000, 'Wh')}** in {_amount(record.duration_s, 's')}"]
    if power_w is not None:
        parts[0] += f" ({power_w:.3g} W)"
    if record.emissions_kg is not None:
        parts[0] += f", **{_amount(record.emissions_kg * 1000, 'g')} CO2eq**"
    if record.energy_low_kwh is not None and record.energy_high_kwh is not None:
        low, high = (_amount(kwh * 1000, "Wh") for kwh in (record.energy_low_kwh, record.energy_high_kwh))
        parts.append(f"at the wall {low} to {high} (quality {record.quality})")
    if record.status != "completed":
        parts.append(f"the work was {record.status}" if record.status != "failed" else "the work failed")
    if assets_of_the_step > 1:
        parts.append(f"for all {assets_of_the_step} assets of the step")
    return "; ".join(parts)


def _amount(value: float, unit: str) -> str:
    """A number with the prefix that makes it readable."""
    for factor, prefix in ((1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"
