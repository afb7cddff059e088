"""Budgets and regressions as asset checks, and the hook that tells of failed work."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from typing import Any, Literal

import dagster as dg

from carbon_pipeline.resources.alerts import AlertsResource
from carbon_pipeline.resources.warehouse import WarehouseResource
from carbon_pipeline.statistics import FEWEST_RUNS, compare
from carbon_pipeline.tracking.landing import runs_going_on
from carbon_pipeline.tracking.record import RunRecord

Key = str | Sequence[str] | dg.AssetKey
Severity = Literal["ERROR", "WARN"]


def asset_key(key: Key) -> dg.AssetKey:
    """The key of an asset, also from text with its parts joined by `/`.

    Args:
        key: the key.
    """
    return dg.AssetKey.from_user_string(key) if isinstance(key, str) else dg.AssetKey.from_coercible(key)


class Period(StrEnum):
    """What a budget is for."""

    run = "run"
    day = "day"
    month = "month"


def carbon_budget(
    asset: Key,
    *,
    max_kg: float | None = None,
    max_kwh: float | None = None,
    period: Literal["run", "day", "month"] = "run",
    severity: Severity = "ERROR",
    blocking: bool = False,
    name: str | None = None,
) -> dg.AssetChecksDefinition:
    """An asset check that holds an asset to a budget: of each run, or of all its runs in a calendar day or month (UTC).

    It loads what has landed first, so that the run just ended counts: all that this run of Dagster has done for the
    asset, with attempts that failed, ops of a graph and partitions. Of runs that share a host with others their share
    counts. Where the energy of something is not known, or the warehouse cannot be read, the check warns and says so.

    Args:
        asset: key of a tracked asset.
        max_kg: emissions, kg CO2eq.
        max_kwh: energy, kWh.
        period: `run`, `day` or `month`.
        severity: `ERROR` or `WARN`.
        blocking: whether what is downstream waits in the same run; only with `ERROR`.
        name: name of the check; default `carbon_budget_per_run` and so on.

    Returns:
        The check. It needs the resources `warehouse` and `alerts` (see `carbon_resources`).

    Raises:
        ValueError: there is no limit, or one that is not above 0, or the period is none, or a warning is to block.

    Example:
        >>> carbon_budget("my_model", max_kwh=0.5, period="month", severity="WARN")
    """
    if max_kg is None and max_kwh is None:
        raise ValueError("a budget needs max_kg or max_kwh")
    if not all(limit > 0 for limit in (max_kg, max_kwh) if limit is not None):
        raise ValueError(f"a budget has to be above 0: max_kg={max_kg}, max_kwh={max_kwh}")
    span = Period(period)
    _require_error(severity, blocking)
    key = asset_key(asset)

    @dg.asset_check(
        asset=key,
        name=name or f"carbon_budget_per_{span}",
        blocking=blocking,
        pool="warehouse",
        description=f"At most {_limits(max_kg, max_kwh)} per {span}.",
    )
    def check(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, alerts: dg.ResourceParam[AlertsResource]
    ) -> dg.AssetCheckResult:
        def judge() -> dg.AssetCheckResult:
            opened = warehouse.open()
            opened.load()
            spent = opened.spent(key.to_user_string(), "day" if span is Period.run else span.value, context.run.run_id)
            if spent is None:
                return _result(True, severity, "no run of this asset is in the warehouse: is it tracked?", {})
            over, unknown, metadata = _held_to_budget(spent, span, max_kg, max_kwh)
            description = "; ".join([*over, *unknown]) or f"within {_limits(max_kg, max_kwh)} per {span}"
            if over:
                _send(context, alerts, f"{key.to_user_string()} is over its carbon budget", description)
            return _result(not over and not unknown, severity if over else "WARN", description, metadata)

        return _judged(context, judge)

    return check


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
    """An asset check that finds out whether a run used more energy than the runs before it.

    It compares with earlier runs of the same asset that were completed on the same hardware, by the same steps,
    measured by the same methods and the same CodeCarbon, in the same mode, with the same PUE and as many partitions,
    and alone on their host. Where there are fewer than `min_runs` of them it says so and passes. More energy that lasts
    becomes part of what is compared with: an alarm is for the change, not for ever. The test is Student's t for one
    further observation, on the logarithms of the energies (see `carbon_pipeline.statistics`): it is made for small
    samples, and a rank test could not find anything out before the twentieth run.

    Args:
        asset: key of a tracked asset.
        alpha: chance of a false alarm, below 0.5.
        min_runs: earlier runs that are needed, at least 3.
        min_effect: how much more energy is worth an alarm: 0.1 is 10 %.
        severity: `ERROR` or `WARN`.
        blocking: whether what is downstream waits in the same run; only with `ERROR`.
        name: name of the check; default `energy_regression`.

    Returns:
        The check; effect size, interval and p are in its metadata. It needs the resources `warehouse` and `alerts`, and
        SciPy (the extra `statistics`).

    Raises:
        ValueError: a number makes no sense.
        ImportError: SciPy is not installed.
    """
    if find_spec("scipy") is None:
        raise ImportError("energy_regression needs SciPy: pip install 'carbon-pipeline[statistics]'")
    if not 0 < alpha < 0.5 or min_runs < FEWEST_RUNS or min_effect < 0:
        raise ValueError(
            f"alpha={alpha} has to be between 0 and 0.5, min_runs={min_runs} at least {FEWEST_RUNS}, "
            f"min_effect={min_effect} at least 0"
        )
    _require_error(severity, blocking)
    key = asset_key(asset)

    @dg.asset_check(
        asset=key,
        name=name or "energy_regression",
        blocking=blocking,
        pool="warehouse",
        description=f"At most {min_effect:.0%} more energy than comparable earlier runs, or by chance (p >= {alpha:g})",
    )
    def check(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, alerts: dg.ResourceParam[AlertsResource]
    ) -> dg.AssetCheckResult:
        def judge() -> dg.AssetCheckResult:
            opened = warehouse.open()
            opened.load()
            runs = opened.runs_of_asset(key.to_user_string(), context.run.run_id)
            passed, description, metadata = _held_to_the_past(
                runs, runs_going_on(opened.data_dir), alpha, min_runs, min_effect
            )
            if not passed:
                _send(context, alerts, f"{key.to_user_string()} uses more energy than before", description)
            return _result(passed, severity, description, metadata)

        return _judged(context, judge)

    return check


@dg.failure_hook(name="carbon_alert", required_resource_keys={"alerts"})
def carbon_alert(context: dg.HookContext) -> None:
    """For jobs and assets: a step that fails is told to the resource `alerts`."""
    error = context.op_exception
    text = f"run {context.run_id}, step {context.step_key}: {type(error).__name__}: {error}"
    _send(context, context.resources.alerts, f"{context.step_key} has failed", text)


def _judged(context: dg.AssetCheckExecutionContext, judge: Callable[[], dg.AssetCheckResult]) -> dg.AssetCheckResult:
    """What the check says; where it cannot say anything, that and why, as a warning: the work has been done."""
    try:
        return judge()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the warehouse or the settings
        reason = " ".join(str(error).split()) or type(error).__name__
        context.log.error(f"nothing can be said: {reason}")
        return _result(False, "WARN", f"nothing can be said: {reason}", {})


def _held_to_budget(
    spent: Mapping[str, Any], span: Period, max_kg: float | None, max_kwh: float | None
) -> tuple[list[str], list[str], dict[str, Any]]:
    prefix = "" if span is Period.run else "period_"
    over, unknown = [], []
    metadata: dict[str, Any] = {"run": spent["run"], "records": spent[f"{prefix}records"]}
    if span is not Period.run:
        metadata["period"] = _day(spent["period_began"], span)
    if count := spent[f"{prefix}records_unknown"]:
        metadata["records_of_unknown_energy"] = count
        unknown.append(f"the energy of {count} of {spent[f'{prefix}records']} records is not known: it may be more")
    for what, unit, limit in (("energy_kwh", "kWh", max_kwh), ("emissions_kg", "kg CO2eq", max_kg)):
        value = spent[f"{prefix}{what}"]
        if value is not None:
            metadata[f"carbon/{what}"] = value
        if limit is None:
            continue
        metadata[f"limit_{what}"] = limit
        if value is None:
            unknown.append(f"{what} is not known, so that nobody can say whether it is within {limit:g} {unit}")
            continue
        metadata[f"share_of_limit_{what.split('_')[0]}"] = value / limit
        if value > limit:
            much = (
                f"{value / limit - 1:.0%} too much" if value < 10 * limit else f"{value / limit:,.0f} times the limit"
            )
            over.append(f"{value:.4g} {unit} of {limit:g} {unit} per {span}: {much}")
    return over, unknown, metadata


SHARED = """
assets steps partitions host cpu_model cpu_count gpu_model gpu_count cpu_method gpu_method ram_method tracking_mode
codecarbon_version pue
""".split()
"""What two runs have to share to be compared."""


def _held_to_the_past(
    runs: Sequence[Mapping[str, Any]],
    going_on: Sequence[RunRecord],
    alpha: float,
    min_runs: int,
    min_effect: float,
) -> tuple[bool, str, dict[str, Any]]:
    if not runs:
        return True, "no completed run of this asset is in the warehouse: is it tracked?", {}
    latest, *earlier = runs
    reason = _not_comparable(latest, latest)
    if any(run.host in latest["host"] and run.started_at < latest["ended_at"] for run in going_on):
        reason = "other tracked work on its host has not ended yet: the shares of the two are not known"
    if reason:
        return True, f"this run cannot be compared: {reason}", {"run": latest["run"]}
    reasons = Counter(reason for run in earlier if (reason := _not_comparable(run, latest)))
    energies = [run["energy_kwh"] for run in earlier if not _not_comparable(run, latest)]
    metadata: dict[str, Any] = {
        "run": latest["run"],
        "carbon/energy_kwh": latest["energy_kwh"],
        "comparable_runs": len(energies),
        "not_comparable": "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common()) or "none",
    }
    if len(energies) < min_runs:
        return True, f"{_runs(len(energies))}, {min_runs} are needed", metadata
    # Both ends leave out alpha, so that the upper one is where the alarm begins.
    found = compare(latest["energy_kwh"], energies, confidence=1 - 2 * alpha)
    metadata |= {
        "effect": found.ratio - 1,
        "p_value": found.p_value,
        "expected_energy_kwh": found.expected,
        "expected_low_kwh": found.low,
        "expected_high_kwh": found.high,
    }
    interval = f"{found.low:.3g} to {found.high:.3g} kWh"
    description = (
        f"{latest['energy_kwh']:.4g} kWh, {found.ratio - 1:+.0%} beside {_runs(found.runs)} "
        f"(expected {interval}, p = {found.p_value:.2g})"
    )
    return found.p_value >= alpha or found.ratio <= 1 + min_effect, description, metadata


def _runs(count: int) -> str:
    return f"{count} comparable earlier run{'' if count == 1 else 's'}"


def _not_comparable(run: Mapping[str, Any], latest: Mapping[str, Any]) -> str:
    """Why two runs cannot be compared; empty if they can."""
    if run["energy_kwh"] is None:
        return "its energy is not known"
    if run["energy_kwh"] == 0:
        return "its meter saw nothing"
    if "overlapping" in run["flags"]:
        return "other tracked work ran at the same time"
    if "energy_missing" in run["flags"] or "meter_failed" in run["flags"]:
        return "a part of its energy is missing"
    other = [name for name in SHARED if run[name] != latest[name]]
    return f"other {', '.join(other)}" if other else ""


def _require_error(severity: Severity, blocking: bool) -> None:
    if blocking and severity != "ERROR":
        raise ValueError("a warning blocks nothing: a blocking check needs severity='ERROR'")


def _result(passed: bool, severity: Severity, description: str, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed, severity=dg.AssetCheckSeverity[severity], description=description, metadata=metadata
    )


def _send(context: Any, alerts: AlertsResource, subject: str, text: str) -> None:
    """A message that cannot be sent does not make the check fail."""
    try:
        alerts.send(subject, text)
    except Exception as error:  # noqa: BLE001 - whatever the resource of the user raises
        context.log.error(f"the alert {subject!r} could not be sent: {error}")


def _limits(max_kg: float | None, max_kwh: float | None) -> str:
    limits = ((max_kwh, "kWh"), (max_kg, "kg CO2eq"))
    return " and ".join(f"{limit:g} {unit}" for limit, unit in limits if limit is not None)


def _day(began: datetime, span: Period) -> str:
    return f"{began:%Y-%m}" if span is Period.month else f"{began:%Y-%m-%d}"
