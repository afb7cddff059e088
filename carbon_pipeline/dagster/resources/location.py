"""The resource `carbon_location`: where this machine is."""

from pathlib import Path

import dagster as dg

from carbon_pipeline.probes.location import Location, probe_location
from carbon_pipeline.settings import LocationOptions, Settings, given, read_settings


class LocationResource(LocationOptions, dg.ConfigurableResource[None]):
    """Where the machine is: as configured here, else by environment variable, else as ip-api.com reports.

    Example:
        >>> LocationResource(country_iso_code="FR").probe().country_name
        'France'
    """

    def probe(self, data_dir: str | Path | None = None) -> Location:
        """Locate this machine.

        Args:
            data_dir: data folder, where the answer of ip-api.com is kept for a day.

        Raises:
            SettingsError: a setting is not usable.
        """
        return self.probe_with(read_settings(**given(self, LocationOptions), data_dir=data_dir))

    def probe_with(self, settings: Settings) -> Location:
        """Locate this machine by settings that have been read; override it to find out in another way.

        Args:
            settings: the settings in force, those of this resource among them.
        """
        return probe_location(settings)
