"""Checks of the 33 fields of a run. Their definitions: fields.py."""

from collections.abc import Mapping
from typing import Any

from carbon_pipeline.model.codecarbon_defaults import (
    CODECARBON_DEFAULT_EXPERIMENT_ID,
    CODECARBON_FALLBACK_LATITUDE_LONGITUDE,
)
from carbon_pipeline.model.fields import FIELD_NAMES


def problems(row: Mapping[str, Any]) -> list[str]:
    """Find what is wrong with a field record.

    Args:
        row: the 33 fields as numbers and strings.

    Returns:
        One sentence for each problem; empty if there is none.
    """
    faults = []
    if tuple(row) != FIELD_NAMES:
        faults.append("the field names are not the 33 names in their order")
    parts = [row.get(f"{part}_energy") for part in ("cpu", "gpu", "ram")]
    total = row.get("energy_consumed")
    if total is not None and abs(total - sum(part or 0.0 for part in parts)) > 1e-9 * total:
        faults.append(f"the energies {parts} do not add up to {total} kWh")
    if any(part is not None and part < 0 for part in (*parts, total)):
        faults.append(f"an energy is negative: {parts}, {total} kWh")
    if row.get("run_id") == CODECARBON_DEFAULT_EXPERIMENT_ID:
        faults.append("run_id is CodeCarbon's default experiment ID, the same for all users")
    if (row.get("latitude"), row.get("longitude")) == CODECARBON_FALLBACK_LATITUDE_LONGITUDE:
        faults.append("the location is CodeCarbon's fallback in Canada, not the location of the machine")
    return faults
