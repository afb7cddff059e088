"""Carbon intensity of the electricity at a place, from CodeCarbon's data files, with the source of the number.

No network. What the energy of a run is, is not known here.
"""

import logging
import unicodedata
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.country import find_country

logger = logging.getLogger(__name__)


class CarbonIntensity(BaseModel):
    """Emissions of one kWh of electricity.

    Attributes:
        g_per_kwh: gCO2eq/kWh.
        source: `configured`; `cloud_region` (published by the provider, Google Cloud only); `region_average` (a state,
            province or bidding zone); `country_average`; `world_average`.
    """

    model_config = ConfigDict(frozen=True)

    g_per_kwh: float
    source: str


def find_intensity(
    configured_g_per_kwh: float | None = None,
    country_iso_code: str | None = None,
    region: str | None = None,
    cloud_provider: str | None = None,
    cloud_region: str | None = None,
) -> CarbonIntensity:
    """The carbon intensity that fits a place best.

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
    world = CarbonIntensity(g_per_kwh=world_average_g_per_kwh(), source="world_average")
    if country_iso_code is None:
        return world
    country = _of_country(country_iso_code)
    # CodeCarbon itself falls back on the world average without a word, and its data say 0 g for one country (CAF).
    if country is None or country == 0 or country == world.g_per_kwh:
        return world
    regional = _of_region(country_iso_code, region) if region else None
    if regional is not None and regional != country:
        return CarbonIntensity(g_per_kwh=regional, source="region_average")
    return CarbonIntensity(g_per_kwh=country, source="country_average")


@cache
def world_average_g_per_kwh() -> float:
    """The world average of CodeCarbon's data files, gCO2eq/kWh."""
    from codecarbon.input import DataSource

    return float(DataSource().get_carbon_intensity_per_source_data()["world_average"])


def _of_country(alpha_2: str) -> float | None:
    from codecarbon.input import DataSource

    mixes = DataSource().get_global_energy_mix_data()
    if find_country(alpha_2).alpha_3 not in mixes:
        return None
    return _ask(lambda emissions, energy: emissions.get_country_emissions(energy, _geo(alpha_2)))


def _of_region(alpha_2: str, region: str) -> float | None:
    if alpha_2 not in ("US", "CA", "CN", "SE", "NO", "FI"):  # where CodeCarbon has regional data
        return None
    return _ask(lambda emissions, energy: emissions.get_region_emissions(energy, _geo(alpha_2, region)))


def _of_cloud_region(provider: str, region: str) -> float | None:
    from codecarbon.input import DataSource

    regions = DataSource().get_cloud_emissions_data()
    found = regions[(regions["provider"] == provider) & (regions["region"] == region)]["impact"].dropna()
    return float(found.iloc[0]) if len(found) else None


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
