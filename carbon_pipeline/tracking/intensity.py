"""Carbon intensity of electricity at a location, with its source: configured, live, or CodeCarbon's data files.

Nothing here measures energy.
"""

import logging
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.model import grid
from carbon_pipeline.model.samples import Samples, energy_at
from carbon_pipeline.probes.cloud import Cloud
from carbon_pipeline.probes.location import Location
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking import electricity_maps
from carbon_pipeline.tracking.electricity_maps import ElectricityMapsError

logger = logging.getLogger(__name__)

WIDE_COUNTRIES = ("US", "CA", "CN", "RU", "BR", "AU", "IN", "NO", "SE", "FI", "DK")
"""Countries whose regions differ widely: hydropower here, coal there."""

HIGHEST_MIX_G_PER_KWH = 1500.0
"""Carbon intensity of lignite in old plants, with losses, gCO2eq/kWh; no mix of a country or region is above it."""

COMBUSTION_ONLY = "counts combustion only; over the life cycle {:.0f} g/kWh by CodeCarbon's factors"
"""Note about a region whose published figure has 0 for hydropower, wind and biomass."""


class CarbonIntensity(BaseModel):
    """Emissions per kWh of electricity, and where the value comes from.

    Attributes:
        g_per_kwh: gCO2eq/kWh.
        source: `configured`; `electricity_maps` (hourly); `cloud_region` (published by the provider, Google Cloud
            only); `region_average` (a state, province or bidding zone); `country_average`; `world_average`.
        year: year of an average; None for other sources, or if the data do not give it.
        note: why a better source was not used, or what the value does not cover.
    """

    model_config = ConfigDict(frozen=True)

    g_per_kwh: float
    source: str
    year: int | None = None
    note: str | None = None


def intensity_now(settings: Settings, location: Location, cloud: Cloud) -> CarbonIntensity:
    """Find the best intensity available now. Uses the network only if a token of Electricity Maps is set.

    Args:
        settings: `carbon_intensity_g_per_kwh` takes precedence, then Electricity Maps if its token is set.
        location: location of the machine.
        cloud: cloud of the machine.

    Returns:
        The intensity; if Electricity Maps failed, the average of the location with a note.
    """
    note = None
    token = settings.electricitymaps_api_token
    if settings.carbon_intensity_g_per_kwh is None and token is not None:
        try:
            live = electricity_maps.latest(token.get_secret_value(), location, settings.data_dir)
        except ElectricityMapsError as error:
            note = str(error)
        else:
            return CarbonIntensity(
                g_per_kwh=live.g_per_kwh,
                source="electricity_maps",
                note=f"hour of {live.hour:%Y-%m-%d %H:%M} UTC" + (", estimated" if live.is_estimated else ""),
            )
    found = find_intensity(
        configured_g_per_kwh=settings.carbon_intensity_g_per_kwh,
        country_iso_code=location.country_iso_code,
        region=location.region,
        cloud_provider=cloud.provider.value,
        cloud_region=cloud.region.value,
    )
    return found.model_copy(update={"note": "; ".join(filter(None, (note, found.note))) or None})


def intensity_over(
    settings: Settings,
    location: Location,
    at_start: CarbonIntensity,
    started_at: datetime,
    samples: Samples | None,
) -> CarbonIntensity:
    """Compute the mean intensity of a run that has ended, weighted by the energy of each hour.

    Args:
        settings: provide the token of Electricity Maps.
        location: location of the machine.
        at_start: the intensity at the start of the run.
        started_at: start of the run, UTC.
        samples: its curve; None if nothing was measured.

    Returns:
        The mean if the intensity is live and the run covers several hours; otherwise `at_start`.
    """
    token = settings.electricitymaps_api_token
    kwh_by_hour = _energy_by_hour(started_at, samples) if token and samples else {}
    total_kwh = sum(kwh_by_hour.values())
    if token is None or at_start.source != "electricity_maps" or len(kwh_by_hour) < 2 or total_kwh <= 0:
        return at_start
    try:
        by_hour = electricity_maps.last_day(token.get_secret_value(), location)
    except ElectricityMapsError as error:
        return at_start.model_copy(update={"note": f"{at_start.note}, used for the whole run: {error}"})
    covered = sum(kwh for hour, kwh in kwh_by_hour.items() if hour in by_hour) / total_kwh
    grams = sum(kwh * by_hour.get(hour, at_start.g_per_kwh) for hour, kwh in kwh_by_hour.items())
    note = f"mean of {len(kwh_by_hour)} hours, weighted by energy"
    if covered < 1:
        note += f"; {1 - covered:.0%} of the energy with the intensity at the start, for lack of data for its hours"
    return CarbonIntensity(g_per_kwh=grams / total_kwh, source="electricity_maps", note=note)


def _energy_by_hour(started_at: datetime, samples: Samples) -> dict[datetime, float]:
    """Energy of a run, kWh, by start of the hour, UTC."""
    ended_at = started_at + timedelta(seconds=samples.at_s[-1])
    hours = [electricity_maps.hour_of(started_at)]
    while hours[-1] + timedelta(hours=1) < ended_at:
        hours.append(hours[-1] + timedelta(hours=1))
    ends = [(hour - started_at).total_seconds() for hour in hours[1:]]
    energies = energy_at(samples, [0.0, *ends, samples.at_s[-1]])
    return {hour: after - before for hour, (before, after) in zip(hours, pairwise(energies), strict=True)}


def find_intensity(
    configured_g_per_kwh: float | None = None,
    country_iso_code: str | None = None,
    region: str | None = None,
    cloud_provider: str | None = None,
    cloud_region: str | None = None,
) -> CarbonIntensity:
    """Find the most specific carbon intensity of a location, without using the network.

    Args:
        configured_g_per_kwh: user-provided intensity, gCO2eq/kWh; takes precedence.
        country_iso_code: ISO 3166-1 code, two letters.
        region: region within the country, name or code; used in the USA, Canada, China and the Nordic countries.
        cloud_provider: such as `gcp`.
        cloud_region: the provider's name of its region.

    Returns:
        The intensity. If the location is unknown, the world average, with the source `world_average`.
    """
    if configured_g_per_kwh is not None:
        return CarbonIntensity(g_per_kwh=configured_g_per_kwh, source="configured")
    if cloud_provider and cloud_region:
        published = _cloud_region_average(cloud_provider.lower(), cloud_region.lower())
        if published is not None:
            return CarbonIntensity(g_per_kwh=published, source="cloud_region")
    regional = grid.find_region(country_iso_code, region)
    if regional is not None:
        life_cycle = regional.life_cycle_g_per_kwh
        note = None if life_cycle is None else COMBUSTION_ONLY.format(life_cycle)
        return CarbonIntensity(g_per_kwh=regional.g_per_kwh, source="region_average", year=regional.year, note=note)
    country = grid.country_average(country_iso_code) if country_iso_code else None
    average, source = (country, "country_average") if country else (grid.world_average(), "world_average")
    return CarbonIntensity(g_per_kwh=average.g_per_kwh, source=source, year=average.year)


@cache
def plausible_range(country_iso_code: str | None) -> tuple[float, float]:
    """Find between what bounds the carbon intensity of a country can be, gCO2eq/kWh.

    Regions and hours differ from the yearly average of a country by less than a factor of three where the average is
    not low (Wiesner et al. 2021, 10.1145/3464298.3493399), and editions of the data by less than a factor of two; where
    the regions differ widely, by more: Quebec has a hundredth of Canada's average, West Virginia three times the USA's.

    Args:
        country_iso_code: two letters; None for a country that is not known.
    """
    average = grid.country_average(country_iso_code) if country_iso_code else None
    if average is None:
        return 0.0, HIGHEST_MIX_G_PER_KWH
    is_wide = country_iso_code in WIDE_COUNTRIES
    low, times, more = (200, 5, 400) if is_wide else (10, 3, 150)
    g_per_kwh = average.g_per_kwh
    return g_per_kwh / low, min(max(times * g_per_kwh, g_per_kwh + more), HIGHEST_MIX_G_PER_KWH)


@cache
def _cloud_region_average(provider: str, region: str) -> float | None:
    from codecarbon.input import DataSource

    regions = DataSource().get_cloud_emissions_data()
    found = regions[(regions["provider"] == provider) & (regions["region"] == region)]["impact"].dropna()
    return float(found.iloc[0]) if len(found) else None
