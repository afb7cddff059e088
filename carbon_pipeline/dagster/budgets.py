"""Budgets as asset checks. How a budget is judged: `model/budget.py`.

https://docs.dagster.io/guides/test/asset-checks
"""

from typing import Literal

import dagster as dg

from carbon_pipeline.dagster.check_results import Severity, check_of_runs
from carbon_pipeline.dagster.names import Key, asset_key
from carbon_pipeline.model.budget import At, Budget, Period
from carbon_pipeline.model.judgement import Judgement
from carbon_pipeline.report.budgets import keep_budget
from carbon_pipeline.warehouse.warehouse import Warehouse


def carbon_budget(
    asset: Key,
    *,
    max_kg: float | None = None,
    max_kwh: float | None = None,
    period: Literal["run", "day", "month"] = "run",
    at: Literal["meter", "wall"] = "meter",
    severity: Severity = "ERROR",
    blocking: bool = False,
    name: str | None = None,
) -> dg.AssetChecksDefinition:
    """Hold an asset to a budget of each run, or of all its runs in a calendar day or month (UTC).

    The check loads what has landed first, so that the run that has just ended counts: everything that this run of
    Dagster has done for the asset, with attempts that failed, ops of a graph and partitions. Of runs that overlap on a
    host, their shares count. Where an energy is not known, or the warehouse cannot be read, the check warns.

    Args:
        asset: key of a tracked asset.
        max_kg: emissions, kg CO2eq.
        max_kwh: energy, kWh.
        period: `run`, `day` or `month`.
        at: what is compared with the limits: `meter` for the energy that the meter saw, which is only a part of what
            the machine draws; `wall` for the upper end of the interval in which that lies.
        severity: `ERROR` or `WARN`.
        blocking: whether what is downstream waits in the same run; only with `ERROR`.
        name: name of the check; default `carbon_budget_per_run` and so on.

    Returns:
        The check. It needs the resources `carbon_warehouse` and `carbon_alerts` (see `carbon_resources`).

    Raises:
        ValueError: there is no limit, or one that is not above 0, or no such period, or a warning is to block.

    Example:
        >>> carbon_budget("my_model", max_kwh=0.5, period="month", severity="WARN").check_key.name
        'carbon_budget_per_month'
    """
    for name_of, value, kind in (("period", period, Period), ("at", at, At)):
        if value not in [member.value for member in kind]:
            raise ValueError(f"{name_of}={value!r} is to be {' or '.join(member.value for member in kind)}")
    budget = Budget(max_kg, max_kwh, Period(period), At(at))
    key = asset_key(asset).to_user_string()

    def judge(warehouse: Warehouse, dagster_run_id: str) -> Judgement:
        keep_budget(warehouse.data_dir, key, budget)
        calendar = "day" if budget.period is Period.run else budget.period.value
        spent = warehouse.spent(key, calendar, dagster_run_id)
        if not spent:
            reason = f"no run of this asset is in {warehouse.data_dir}: is it tracked, and does it land there?"
            return Judgement(False, reason, {}, is_known=False)
        return budget.judge(spent)

    return check_of_runs(
        asset,
        name=name or f"carbon_budget_per_{budget.period}",
        description=f"At most {budget}.",
        severity=severity,
        blocking=blocking,
        subject="is over its carbon budget",
        judge=judge,
    )
