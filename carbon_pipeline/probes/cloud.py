"""Which cloud this machine runs on, as configured. (Metadata services are not asked.)"""

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.probes.sourced import Sourced
from carbon_pipeline.settings import Settings


class Cloud(BaseModel):
    """The cloud of this machine.

    Attributes:
        provider: such as `aws`, `gcp`, `ovh`.
        region: the provider's own name of its region, such as `eu-west-3`.
    """

    model_config = ConfigDict(frozen=True)

    provider: Sourced[str] = Sourced()
    region: Sourced[str] = Sourced()


def probe_cloud(settings: Settings) -> Cloud:
    """The cloud from `CLOUD_PROVIDER` and `CLOUD_REGION`; nothing where they are not set.

    Args:
        settings: the settings in force.

    Returns:
        Provider and region, each with its source.
    """
    return Cloud(
        provider=_configured(settings.cloud_provider, "CLOUD_PROVIDER"),
        region=_configured(settings.cloud_region, "CLOUD_REGION"),
    )


def _configured(value: str | None, variable: str) -> Sourced[str]:
    if value:
        return Sourced(value=value, source="configured")
    return Sourced(reason=f"{variable} is not set")
