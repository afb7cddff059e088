"""Asset checks: what would catch a wrong record. The rules themselves are in `boamps/` and `warehouse/checks/`."""

from typing import Any

import dagster as dg

from carbon_pipeline.assets.metadata import table_metadata
from carbon_pipeline.boamps.fields import problems
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.warehouse.rules import RULES, broken


@dg.asset_check(asset="field_record")
def field_record_is_sound(field_record: dict[str, Any]) -> dg.AssetCheckResult:
    """The 33 fields are there, energies add up and are not negative, the location is not CodeCarbon's fallback."""
    faults = problems(field_record)
    return dg.AssetCheckResult(passed=not faults, description="; ".join(faults) or "nothing wrong")


def _rule_check(name: str, description: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="runs", name=name, description=description)
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        rows = broken(warehouse.open(), name)
        return dg.AssetCheckResult(
            passed=not rows, metadata={"broken": len(rows), "examples": table_metadata(rows[:10])}
        )

    return check


ALL_CHECKS = [field_record_is_sound, *(_rule_check(name, description) for name, description in RULES.items())]
