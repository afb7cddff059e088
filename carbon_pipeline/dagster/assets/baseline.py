"""The asset `idle_baseline`: what this machine draws while nobody works. How it is measured: `tracking/baseline.py`."""

import dagster as dg
from pydantic import Field

from carbon_pipeline.dagster.assets.attributes import GROUP, METER_POOL, OWNERS
from carbon_pipeline.dagster.resources.emissions import EmissionsResource
from carbon_pipeline.model.flags import SHORTEST_BASELINE_S
from carbon_pipeline.tracking.meter import MeterError


class BaselineConfig(dg.Config):
    """How long the idle machine is measured, and how long that holds."""

    seconds: float | None = Field(
        default=None, gt=0, description="How long to measure; default CARBON_BASELINE_S, else 60 s, as MLPerf Power."
    )
    max_age_days: float | None = Field(
        default=None,
        ge=0,
        description="A baseline of the same machine that is no older is kept; 0: measure anyway. Default "
        "CARBON_BASELINE_DAYS, else 7 days.",
    )


# In the pool of the measured steps: while one of them runs, the machine is not idle.
@dg.asset(group_name=GROUP, kinds={"codecarbon"}, owners=OWNERS, pool=METER_POOL)
def idle_baseline(
    context: dg.AssetExecutionContext, config: BaselineConfig, carbon_emissions: EmissionsResource
) -> dg.MaterializeResult[None]:
    """The power of the idle machine, kept in `data/baseline/`; later runs on this host show what they used above it."""
    try:
        known = carbon_emissions.fresh_idle(config.seconds, config.max_age_days)
        baseline = known or carbon_emissions.measure_idle(config.seconds)
    except MeterError as error:
        # A failing meter breaks no work: the runs after this one have no baseline, or an old one.
        context.log.error(str(error))
        return dg.MaterializeResult(metadata={"meter_error": str(error)})
    if known:
        context.log.info("the baseline of %s is kept: this machine and its meter are the same", baseline.measured_at)
    if baseline.duration_s < SHORTEST_BASELINE_S:
        context.log.warning("measured for %.1f s only; MLPerf Power takes at least 60 s", baseline.duration_s)
    if baseline.is_busy:
        share = 100 * (baseline.load or 0)
        context.log.warning("the machine was not idle: its CPUs were busy for %.0f %% of the time", share)
    return dg.MaterializeResult(
        metadata={
            "carbon/power_w": baseline.power_w,
            "carbon/energy_kwh": baseline.energy_kwh(),
            "carbon/duration_s": baseline.duration_s,
            "carbon/method": "cpu={}, gpu={}, ram={}".format(*baseline.methods),
            "load": dg.MetadataValue.null() if baseline.load is None else baseline.load,
            "host": baseline.host,
            "measured_at": dg.MetadataValue.timestamp(baseline.measured_at),
        }
    )
