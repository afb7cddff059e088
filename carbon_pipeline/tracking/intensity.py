"""Carbon intensity of the electricity at a place, with its source: configured, live, or CodeCarbon's data files.

What the energy of a run is, is not known here.
"""

import json
import logging
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.common.country import find_country
from carbon_pipeline.probes.cloud import Cloud
from carbon_pipeline.probes.location import Location
from carbon_pipeline.settings import Settings
from carbon_pipeline.tracking import electricity_maps
from carbon_pipeline.tracking.electricity_maps import ElectricityMapsError

logger = logging.getLogger(__name__)

WORLD_AVERAGE_YEAR = 2018
"""475 g/kWh: IEA, Global Energy & CO2 Status Report 2019, as in CodeCarbon's data."""


class CarbonIntensity(BaseModel):
    """Emissions of one kWh of electricity.

    Attributes:
        g_per_kwh: gCO2eq/kWh.
        source: `configured`; `electricity_maps` (by the hour); `cloud_region` (published by the provider, Google Cloud
            only); `region_average` (a state, province or bidding zone); `country_average`; `world_average`.
        year: year that an average is of; None where it is none, or the data do not say.
        note: why a better source was not taken, or which part of a run it does not cover.
    """

    model_config = ConfigDict(frozen=True)

    g_per_kwh: float
    source: str
    year: int | None = None
    note: str | None = None


def intensity_now(settings: Settings, location: Location, cloud: Cloud) -> CarbonIntensity:
    """The best intensity that is to be had now. Asks the network only where a token of Electricity Maps is given.

    Args:
        settings: `carbon_intensity_g_per_kwh` wins; then Electricity Maps, if there is a token.
        location: where the machine stands.
        cloud: the cloud that it belongs to.

    Returns:
        The intensity; if Electricity Maps failed, the average of the place with a note.
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
    return found.model_copy(update={"note": note}) if note else found


def intensity_over(
    settings: Settings, location: Location, at_start: CarbonIntensity, kwh_by_hour: Mapping[datetime, float]
) -> CarbonIntensity:
    """The mean intensity of a run that has ended, weighed by the energy of each hour.

    Args:
        settings: with the token.
        location: where the machine stands.
        at_start: the intensity when the run began.
        kwh_by_hour: energy by start of the hour, UTC.

    Returns:
        The mean where the intensity is a live one and the run went over several hours; else what it began with.
    """
    token, total_kwh = settings.electricitymaps_api_token, sum(kwh_by_hour.values())
    if token is None or at_start.source != "electricity_maps" or len(kwh_by_hour) < 2 or total_kwh <= 0:
        return at_start
    try:
        by_hour = electricity_maps.last_day(token.get_secret_value(), location)
    except ElectricityMapsError as error:
        return at_start.model_copy(update={"note": f"{at_start.note}, for the whole run: {error}"})
    covered = sum(kwh for hour, kwh in kwh_by_hour.items() if hour in by_hour) / total_kwh
    grams = sum(kwh * by_hour.get(hour, at_start.g_per_kwh) for hour, kwh in kwh_by_hour.items())
    note = f"mean of {len(kwh_by_hour)} hours, weighed by energy"
    if covered < 1:
        note += f"; {1 - covered:.0%} of it with the intensity of the start, since there are no data of those hours"
    return CarbonIntensity(g_per_kwh=grams / total_kwh, source="electricity_maps", note=note)


def find_intensity(
    configured_g_per_kwh: float | None = None,
    country_iso_code: str | None = None,
    region: str | None = None,
    cloud_provider: str | None = None,
    cloud_region: str | None = None,
) -> CarbonIntensity:
    """The carbon intensity that fits a place best, without a network.

    Args:
        configured_g_per_kwh: what the user knows, gCO2eq/kWh; wins.
        country_iso_code: two letters.
        region: region within the country; counts in the USA, Canada, China and the Nordic countries.
        cloud_provider: such as `gcp`.
        cloud_region: the provider's name of its region.

    Returns:
        The intensity. Where nothing is known of the place, the world average, marked as such
        (475 g/kWh, IEA Global Energy & CO2 Status Report 2019, as in CodeCarbon).
    """
    if configured_g_per_kwh is not None:
        return CarbonIntensity(g_per_kwh=configured_g_per_kwh, source="configured")
    if cloud_provider and cloud_region:
        published = _of_cloud_region(cloud_provider.lower(), cloud_region.lower())
        if published is not None:
            return CarbonIntensity(g_per_kwh=published, source="cloud_region")
    world = CarbonIntensity(g_per_kwh=world_average_g_per_kwh(), source="world_average", year=WORLD_AVERAGE_YEAR)
    if country_iso_code is None:
        return world
    country = _of_country(country_iso_code)
    # CodeCarbon itself falls back on the world average without a word, and its data say 0 g for one country (CAF).
    if country is None or country.g_per_kwh in (0, world.g_per_kwh):
        return world
    regional = _of_region(country_iso_code, region) if region else None
    if regional is not None and regional != country.g_per_kwh:
        year = _year_of_region(country_iso_code, region)
        return CarbonIntensity(g_per_kwh=regional, source="region_average", year=year)
    return country


@cache
def world_average_g_per_kwh() -> float:
    """The world average of CodeCarbon's data files, gCO2eq/kWh."""
    return float(_data("carbon_intensity_per_source.json")["world_average"])


@cache
def _of_country(alpha_2: str) -> CarbonIntensity | None:
    mix = _data("global_energy_mix.json").get(find_country(alpha_2).alpha_3)
    if mix is None:
        return None
    g_per_kwh = mix.get("carbon_intensity")
    if g_per_kwh is None:
        g_per_kwh = _ask(lambda emissions, energy: emissions.get_country_emissions(energy, _geo(alpha_2)))
    return (
        None
        if g_per_kwh is None
        else CarbonIntensity(g_per_kwh=float(g_per_kwh), source="country_average", year=mix.get("year"))
    )


@cache
def _of_region(alpha_2: str, region: str) -> float | None:
    if alpha_2 not in ("US", "CA", "CN", "SE", "NO", "FI"):  # where CodeCarbon has regional data
        return None
    return _ask(lambda emissions, energy: emissions.get_region_emissions(energy, _geo(alpha_2, region)))


def _year_of_region(alpha_2: str, region: str | None) -> int | None:
    if alpha_2 in ("US", "CA", "CN"):
        return 2023  # the folder of CodeCarbon's data in which their files lie
    year = _data("nordic_emissions.json")["data"].get(str(region).upper(), {}).get("year")
    return None if year is None else int(year)


@cache
def _of_cloud_region(provider: str, region: str) -> float | None:
    from codecarbon.input import DataSource

    regions = DataSource().get_cloud_emissions_data()
    found = regions[(regions["provider"] == provider) & (regions["region"] == region)]["impact"].dropna()
    return float(found.iloc[0]) if len(found) else None


@cache
def _data(name: str) -> dict[str, Any]:
    """One of CodeCarbon's data files, read directly: CodeCarbon would read all of them, and import pandas for it."""
    path = files("codecarbon") / "data" / "private_infra" / name
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _ask(question: Any) -> float | None:
    """Emissions of 1 kWh by CodeCarbon's own reckoning, in grams; None where its data hold no answer."""
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.input import DataSource

    try:
        return float(question(Emissions(DataSource()), Energy.from_energy(kWh=1))) * 1000
    except Exception as error:  # noqa: BLE001 - a region that the data do not hold raises whatever comes first
        logger.debug("CodeCarbon has no carbon intensity for this place: %r", error)
        return None


def _geo(alpha_2: str, region: str | None = None) -> Any:
    from codecarbon.external.geography import GeoMetadata

    country = find_country(alpha_2)
    return GeoMetadata(
        country.alpha_3, country_name=country.name, region=_without_accents(region), country_2letter_iso_code=alpha_2
    )


def _without_accents(region: str | None) -> str | None:
    """CodeCarbon's regions are written without: Québec is `quebec` there."""
    return region and unicodedata.normalize("NFKD", region).encode("ascii", "ignore").decode()
