"""A rise of an asset's energy as an asset check. How runs are compared: `model/comparison.py`.

https://docs.dagster.io/guides/test/asset-checks
"""

import dagster as dg

from carbon_pipeline.dagster.check_results import Severity, check_of_runs
from carbon_pipeline.dagster.names import Key, asset_key
from carbon_pipeline.model.comparison import FEWEST_RUNS, judge_against_earlier_runs
from carbon_pipeline.model.judgement import Judgement
from carbon_pipeline.tracking.landing import running_runs
from carbon_pipeline.warehouse.warehouse import Warehouse


def energy_regression(
    asset: Key,
    *,
    alpha: float = 0.05,
    min_runs: int = 5,
    min_effect: float = 0.1,
    severity: Severity = "WARN",
    blocking: bool = False,
    name: str | None = None,
) -> dg.AssetChecksDefinition:
    """Check whether a run used more energy than the runs of the asset before it.

    It is compared with earlier completed runs of the same asset on the same hardware, of the same steps, measured by
    the same methods and the same CodeCarbon, in the same mode, with the same PUE and as many partitions, and alone on
    their host. Where there are fewer than `min_runs` of them the check passes and says so. More energy that lasts
    becomes part of what later runs are compared with: an alarm is for the change. The test is Student's t for one
    further observation, on the logarithms of the energies (`model/comparison.py`): it is made for small samples, while
    a rank test could tell nothing from chance before the twentieth run.

    Args:
        asset: key of a tracked asset.
        alpha: chance of a false alarm, below 0.5.
        min_runs: earlier runs that are needed, at least 3.
        min_effect: how much more energy is worth an alarm: 0.1 is 10 %.
        severity: `ERROR` or `WARN`.
        blocking: whether what is downstream waits in the same run; only with `ERROR`.
        name: name of the check; default `energy_regression`.

    Returns:
        The check; effect, interval and p are in its metadata. It needs the resources `carbon_warehouse` and
        `carbon_alerts`.

    Raises:
        ValueError: a number is out of its range, or a warning is to block.
    """
    if not 0 < alpha < 0.5 or min_runs < FEWEST_RUNS or min_effect < 0:
        raise ValueError(
            f"alpha={alpha} has to be between 0 and 0.5, min_runs={min_runs} at least {FEWEST_RUNS}, "
            f"min_effect={min_effect} at least 0"
        )
    key = asset_key(asset).to_user_string()

    def judge(warehouse: Warehouse, dagster_run_id: str) -> Judgement:
        runs = warehouse.runs_of_asset(key, dagster_run_id)
        return judge_against_earlier_runs(runs, running_runs(warehouse.data_dir), alpha, min_runs, min_effect)

    return check_of_runs(
        asset,
        name=name or "energy_regression",
        description=f"At most {min_effect:.0%} more energy than comparable earlier runs, or by chance (p >= {alpha:g})",
        severity=severity,
        blocking=blocking,
        subject="uses more energy than before",
        judge=judge,
    )
