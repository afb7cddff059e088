"""Summary of a run in readable sentences: amounts with unit prefixes."""

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
    parts = [f"{amount(record.energy_kwh * 1000, 'Wh')} in {amount(record.duration_s, 's')}"]
    if power_w is not None:
        parts[0] += f" ({power_w:.3g} W)"
    if record.emissions_kg is not None:
        parts.append(f"{amount(record.emissions_kg * 1000, 'g')} CO2eq")
    if record.energy_low_kwh is not None and record.energy_high_kwh is not None:
        parts.append(f"at the wall {interval(record.energy_low_kwh * 1000, record.energy_high_kwh * 1000, 'Wh')}")
    if record.quality:
        parts.append(f"quality {record.quality}")
    if record.status != "completed":
        parts.append(f"the work was {record.status}" if record.status != "failed" else "the work failed")
    for count, what in ((assets_of_the_step, "assets"), (partitions_of_the_step, "partitions")):
        if count > 1:
            parts.append(f"for all {count} {what} of the step together")
    return parts


def amount(value: float, unit: str) -> str:
    """Format an amount with a suitable unit prefix and three significant digits.

    Args:
        value: the amount, in `unit`.
        unit: a unit that takes prefixes, such as `Wh`.

    Returns:
        The amount with its unit, such as `12.3 mWh`.
    """
    factor, prefix = _prefix(value)
    return f"{value / factor:.3g} {prefix}{unit}"


def interval(low: float, high: float, unit: str) -> str:
    """Format an interval with one unit, that of its upper end.

    Args:
        low: the lower end, in `unit`.
        high: the upper end, in `unit`.
        unit: a unit that takes prefixes, such as `Wh`.

    Returns:
        The interval with its unit, such as `0.58 to 11 mWh`.
    """
    factor, prefix = _prefix(high)
    digits = 2 if low < high / 2 else 3
    return f"{low / factor:.{digits}g} to {high / factor:.3g} {prefix}{unit}"


def clock(seconds: float) -> str:
    """Format a duration for people, to the second.

    Returns:
        The duration, such as `12 s`, `3:05` (minutes) or `1:02:03` (hours).
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def _prefix(value: float) -> tuple[float, str]:
    prefixes = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
    # From 999.5 on, three digits would show 1e+03.
    return next(((factor, prefix) for factor, prefix in prefixes if abs(value) >= 0.9995 * factor), (1.0, ""))
