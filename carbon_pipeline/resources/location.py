"""The resource `location`: where this machine stands."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from carbon_pipeline.probes.location import Location, probe_location
from carbon_pipeline.settings import Settings, read_settings


class LocationResource(dg.ConfigurableResource[None]):
    """Where the machine stands: as configured here, else by environment variable, else as ip-api.com says.

    Example:
        >>> LocationResource(country_iso_code="FR").probe().country_name
        'France'
    """

    country_iso_code: str | None = Field(
        default=None, description="Country, two or three letters; no look-up is made then."
    )
    region: str | None = Field(default=None, description="Region within the country.")
    geolocation: bool | None = Field(
        default=None, description="Whether ip-api.com may be asked; false: never a network call."
    )

    def probe(self, data_dir: str | Path | None = None) -> Location:
        """The location of this machine.

        Args:
            data_dir: data folder, where the answer of ip-api.com is kept for a day.

        Returns:
            The location with its source.

        Raises:
            ValueError: a setting is not usable.
        """
        return self.probe_with(
            read_settings(
                country_iso_code=self.country_iso_code,
                region=self.region,
                geolocation=self.geolocation,
                data_dir=data_dir,
            )
        )

    def probe_with(self, settings: Settings) -> Location:
        """The location by settings that have been read; override it to find out in another way.

        Args:
            settings: the settings in force, those of this resource among them.

        Returns:
            The location with its source.
        """
        return probe_location(settings)
