"""Summary of a run in readable sentences."""

from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.model.record import RunRecord, mean_power_w


def summary(record: RunRecord) -> str:
    """Summarize a run in one line.

    Returns:
        The line, such as `12.3 mWh in 4.1 s (10.8 W); 5.8 mg CO2eq; at the wall 10 to 48 mWh`.
    """
    return "; ".join(summary_parts(record))


def summary_parts(record: RunRecord, assets_of_the_step: int = 1, partitions_of_the_step: int = 1) -> list[str]:
    """Summarize a run in parts of some 35 characters: so many are seen of a cell in the UI.

    Args:
        record: the record of the run.
        assets_of_the_step: number of assets that the measured step materializes; the amounts are those of the step.
        partitions_of_the_step: number of partitions likewise.
    """
    if record.energy_kwh is None:
        return [f"energy not known: {record.meter_error or ', '.join(record.flags) or 'the meter measured nothing'}"]
    power_w = mean_power_w(record.energy_kwh, record.duration_s)
    parts = [f"{amount(record.energy_kwh, 'kWh')} in {amount(record.duration_s, 's')}"]
    if power_w is not None:
        parts[0] += f" ({amount(power_w, 'W')})"
    if record.emissions_kg is not None:
        parts.append(amount(record.emissions_kg, "kg CO2eq"))
    if record.energy_low_kwh is not None and record.energy_high_kwh is not None:
        parts.append(f"at the wall {interval(record.energy_low_kwh, record.energy_high_kwh, 'kWh', record.energy_kwh)}")
    if record.quality:
        parts.append(f"quality {record.quality}")
    if record.status != "completed":
        parts.append(f"the work was {record.status}" if record.status != "failed" else "the work failed")
    for count, what in ((assets_of_the_step, "assets"), (partitions_of_the_step, "partitions")):
        if count > 1:
            parts.append(f"for all {count} {what} of the step together")
    return parts
