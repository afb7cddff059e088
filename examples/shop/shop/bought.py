"""Assets that this project has not written: it only uses them."""

import dagster as dg


@dg.asset
def sales() -> list[float]:
    """What was sold, day by day."""
    return [10.0 + day % 7 for day in range(1000)]
