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
    if record.estimate_kwh is None:
        return [f"energy not known: {record.meter_error or ', '.join(record.flags) or 'the meter measured nothing'}"]
    power_w = mean_power_w(record.estimate_kwh, record.duration_s)
    where = {"wall_meter": " by the wall meter", "calibrated": " at the wall"}.get(record.interval_source, "")
    parts = [f"{amount(record.estimate_kwh, 'kWh')}{where} in {amount(record.duration_s, 's')}"]
    if power_w is not None:
        parts[0] += f" ({amount(power_w, 'W')})"
    if record.estimate_kg is not None:
        parts.append(amount(record.estimate_kg, "kg CO2eq"))
    if record.energy_low_kwh is not None and record.energy_high_kwh is not None:
        ends = interval(record.energy_low_kwh, record.energy_high_kwh, "kWh", record.estimate_kwh)
        calibrated = (
            f" (calibrated by {record.calibration_runs} runs)" if record.interval_source == "calibrated" else ""
        )
        parts.append(f"{ends}{calibrated}" if where else f"at the wall {ends}")
    if "wall_meter_failed" in record.flags:
        reason = (record.wall_error or "for an unknown reason").split(";")[0]
        parts.append(f"the wall meter failed: {reason.removeprefix('the wall meter could not be read: ')}")
    if record.quality:
        parts.append(f"quality {record.quality}")
    if record.status != "completed":
        parts.append(f"the work was {record.status}" if record.status != "failed" else "the work failed")
    for count, what in ((assets_of_the_step, "assets"), (partitions_of_the_step, "partitions")):
        if count > 1:
            parts.append(f"for all {count} {what} of the step together")
    return parts
