"""The project: assets of its own and of others, all measured. The rest is in defs/carbon/defs.yaml."""

from pathlib import Path

import dagster as dg

from carbon_pipeline import track_assets, tracked
from shop.bought import sales


@dg.asset
@tracked
def forecast(sales: list[float]) -> float:
    """What will be sold tomorrow: the mean, by a model that takes its time."""
    level = sales[0]
    for _ in range(300):
        for sold in sales:
            level += 0.001 * (sold - level)
    return level


@dg.definitions
def defs() -> dg.Definitions:
    """All of it."""
    carbon = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    own = dg.Definitions(assets=[sales, forecast])
    return dg.Definitions.merge(track_assets(own, selection=["sales"]), carbon)
