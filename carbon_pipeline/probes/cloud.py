"""The cloud that this machine runs on, as configured. Metadata services are not queried."""

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
    """Read the cloud from `CLOUD_PROVIDER` and `CLOUD_REGION`; unknown where they are not set."""
    return Cloud(
        provider=_configured(settings.cloud_provider, "CLOUD_PROVIDER"),
        region=_configured(settings.cloud_region, "CLOUD_REGION"),
    )


def _configured(value: str | None, variable: str) -> Sourced[str]:
    if value:
        return Sourced(value=value, source="configured")
    return Sourced(reason=f"{variable} is not set")
