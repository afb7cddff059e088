"""How a judgement about a run becomes the result of an asset check, and how a failed one is sent as an alert.

https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Callable
from typing import Any, Literal

import dagster as dg

from carbon_pipeline.dagster.resources.alerts import AlertsResource
from carbon_pipeline.model.judgement import Judgement

Severity = Literal["ERROR", "WARN"]


def require_blocking_error(severity: Severity, blocking: bool) -> None:
    """Reject a check that is to block and only warns.

    Raises:
        ValueError: a warning is to block.
    """
    if blocking and severity != "ERROR":
        raise ValueError("a warning blocks nothing: a blocking check needs severity='ERROR'")


def check_result(
    context: dg.AssetCheckExecutionContext, severity: Severity, judge: Callable[[], Judgement]
) -> dg.AssetCheckResult:
    """Run a check. Where it cannot judge, it warns and names the reason: the work itself has been done.

    Returns:
        The result. What is not known is a warning, whatever the severity.
    """
    try:
        found = judge()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the warehouse or the settings
        reason = f"nothing can be said: {' '.join(str(error).split()) or type(error).__name__}"
        context.log.error(reason)
        found = Judgement(False, reason, {}, is_known=False)
    return dg.AssetCheckResult(
        passed=found.passed,
        severity=dg.AssetCheckSeverity[severity if found.is_known else "WARN"],
        description=found.description,
        metadata=found.metadata,
    )


def send_alert(context: Any, alerts: AlertsResource, subject: str, text: str) -> None:
    """Send an alert. A message that cannot be sent is an error in the step's log and fails nothing."""
    try:
        alerts.send(subject, text)
    except Exception as error:  # noqa: BLE001 - whatever the resource of the user raises
        context.log.error("the alert %r could not be sent: %s", subject, error)


@dg.failure_hook(name="carbon_alert", required_resource_keys={"alerts"})
def carbon_alert(context: dg.HookContext) -> None:
    """For jobs and assets: send a step that fails to the resource `alerts`."""
    error = context.op_exception
    text = f"run {context.run_id}, step {context.step_key}: {type(error).__name__}: {error}"
    send_alert(context, context.resources.alerts, f"{context.step_key} has failed", text)
