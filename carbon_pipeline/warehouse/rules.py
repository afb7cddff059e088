"""Rules that every run in the warehouse keeps: one SQL file each in `checks/` finds the rows that break it."""

from typing import Any

from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.warehouse import Warehouse

RULES = {
    "energies_add_up": "The three energies of each run add up to its total, to 1e-6 relative.",
    "no_fallback_location": "No run is at CodeCarbon's fallback, Canada/Quebec/46.8/-71.2.",
    "run_ids_are_unique": "No two runs share a run_id, and none has CodeCarbon's constant experiment id for one.",
    "intervals_hold": "Energy and emissions of each run lie in their intervals; none is given more than it measured.",
    "nothing_is_lost": "For each file, rows read = loaded + superseded + quarantined; raw and core hold as many.",
}
"""Name and meaning of each rule."""


def broken(warehouse: Warehouse, rule: str) -> list[dict[str, Any]]:
    """The rows of the published copy that break a rule of `RULES`; none if it holds."""
    return warehouse.rows(sql.statement("checks", rule))
