"""A project with an asset that is over its budget and one that fails: what the browser test looks at."""

import dagster as dg

from carbon_pipeline import carbon_budget, carbon_resources, tracked


@dg.asset
@tracked
def trained() -> float:
    """A model that costs more than it may."""
    return float(sum(number * number for number in range(200_000)))


@dg.asset
@tracked
def broken() -> None:
    """Works for a while and fails."""
    sum(range(200_000))
    raise ValueError("as it should")


defs = dg.Definitions(
    assets=[trained, broken],
    asset_checks=[carbon_budget("trained", max_kwh=1e-12)],
    jobs=[dg.define_asset_job("everything", selection=dg.AssetSelection.all())],
    resources=carbon_resources(),
)
