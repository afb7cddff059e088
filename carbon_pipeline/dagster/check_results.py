"""Asset checks that judge runs in the warehouse, and how a failed one is sent as an alert.

https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import dagster as dg

from carbon_pipeline.dagster.assets.attributes import WAREHOUSE_POOL
from carbon_pipeline.dagster.names import Key, asset_key
from carbon_pipeline.dagster.resources.alerts import AlertsResource
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.dagster.ui_metadata import shown
from carbon_pipeline.model.judgement import Judgement
from carbon_pipeline.warehouse.warehouse import Warehouse

Severity = Literal["ERROR", "WARN"]


def check_of_runs(
    asset: Key,
    *,
    name: str,
    description: str,
    severity: Severity,
    blocking: bool,
    subject: str,
    judge: Callable[[Warehouse, str], Judgement],
) -> dg.AssetChecksDefinition:
    """Define a check of the runs of an asset, which loads what has landed first. A failed one is sent as an alert.

    Where it cannot judge, it warns, whatever the severity, and names the reason: the work itself has been done.

    Args:
        asset: key of a tracked asset.
        name: name of the check.
        description: what has to be true, in one line.
        severity: `ERROR` or `WARN`.
        blocking: whether what is downstream waits in the same run; only with `ERROR`.
        subject: what the alert says of the asset, such as "is over its carbon budget".
        judge: called with the loaded warehouse and the ID of the Dagster run.

    Returns:
        The check. It needs the resources `carbon_warehouse` and `carbon_alerts`.

    Raises:
        ValueError: a warning is to block.
    """
    if severity not in get_args(Severity):
        raise ValueError(f"severity={severity!r} is to be {' or '.join(get_args(Severity))}")
    if blocking and severity != "ERROR":
        raise ValueError("a warning blocks nothing: a blocking check needs severity='ERROR'")
    key = asset_key(asset)

    @dg.asset_check(asset=key, name=name, blocking=blocking, pool=WAREHOUSE_POOL, description=description)
    def check(
        context: dg.AssetCheckExecutionContext,
        carbon_warehouse: WarehouseResource,
        carbon_alerts: dg.ResourceParam[AlertsResource],
    ) -> dg.AssetCheckResult:
        try:
            opened = carbon_warehouse.open()
            opened.load_here()
            found = judge(opened, context.run.run_id)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the warehouse or the settings
            reason = f"nothing can be said: {' '.join(str(error).split()) or type(error).__name__}"
            context.log.error(reason)
            found = Judgement(False, reason, {}, is_known=False)
        if not found.passed and found.is_known:
            send_alert(context, carbon_alerts, f"{key.to_user_string()} {subject}", found.description)
        return dg.AssetCheckResult(
            passed=found.passed,
            severity=dg.AssetCheckSeverity[severity if found.is_known else "WARN"],
            description=found.description,
            metadata={name: shown(value) for name, value in found.metadata.items()},
        )

    return check


def send_alert(context: Any, alerts: AlertsResource, subject: str, text: str) -> None:
    """Send an alert. A message that cannot be sent is an error in the step's log and fails nothing."""
    try:
        alerts.send(subject, text)
    except Exception as error:  # noqa: BLE001 - whatever the resource of the user raises
        context.log.error("the alert %r could not be sent: %s", subject, error)


@dg.failure_hook(name="carbon_alert", required_resource_keys={"carbon_alerts"})
def carbon_alert(context: dg.HookContext) -> None:
    """For jobs and assets: send a step that fails to the resource `carbon_alerts`."""
    error = context.op_exception
    text = f"run {context.run_id}, step {context.step_key}: {type(error).__name__}: {error}"
    send_alert(context, context.resources.carbon_alerts, f"{context.step_key} has failed", text)
