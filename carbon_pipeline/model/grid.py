"""Published averages of carbon intensity, of the world, countries and regions, from CodeCarbon's data files.

The files are read directly: CodeCarbon would import pandas and read all of them. Intensities in gCO2eq/kWh.
"""

import json
import statistics
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from carbon_pipeline.common.country import find_country

G_PER_LB, KWH_PER_MWH = 453.59237, 1000.0

COMBUSTION = {"coal": 995.725971, "petroleum": 816.6885263, "naturalGas": 743.8415916}
"""What CodeCarbon counts of the mix of a Canadian province, gCO2eq/kWh: `core/emissions.py`; any other source is 0."""

LIFE_CYCLE = {"coal", "petroleum", "natural_gas", "hydroelectricity", "nuclear", "solar", "wind", "biomass"}
"""Sources with a factor over the life cycle in `carbon_intensity_per_source.json`."""

IN_CANADA = {"natural_gas": "naturalGas", "hydroelectricity": "hydro"}
"""Names of these sources in the mix of a Canadian province, where they differ."""


@dataclass(frozen=True)
class Average:
    """Average intensity of a country or region.

    Attributes:
        g_per_kwh: gCO2eq/kWh.
        year: its year.
        life_cycle_g_per_kwh: the same over the life cycle, where `g_per_kwh` counts combustion only.
    """

    g_per_kwh: float
    year: int
    life_cycle_g_per_kwh: float | None = None


@cache
def world_average() -> Average:
    """Mean of all countries, weighted by their generation; its year is that of most of the generation."""
    countries = [mix for mix in _data("global_energy_mix.json").values() if mix.get("carbon_intensity")]
    by_year = {mix["year"]: 0.0 for mix in countries}
    for mix in countries:
        by_year[mix["year"]] += mix["total_TWh"]
    g_per_kwh = sum(mix["carbon_intensity"] * mix["total_TWh"] for mix in countries) / sum(by_year.values())
    return Average(g_per_kwh, max(by_year, key=lambda year: by_year[year]))


@cache
def percentiles_of_countries() -> tuple[float, float]:
    """5th and 95th percentile of the countries' averages."""
    averages = [mix.get("carbon_intensity") for mix in _data("global_energy_mix.json").values()]
    twentieths = statistics.quantiles(filter(None, averages), n=20)
    return twentieths[0], twentieths[-1]


@cache
def country_average(country_iso_code: str) -> Average | None:
    """Average of a country; None if the data contain none, or 0 (the Central African Republic).

    Args:
        country_iso_code: two letters, whether ISO has assigned them or not.
    """
    try:
        mix = _data("global_energy_mix.json").get(find_country(country_iso_code).alpha_3, {})
    except ValueError:
        return None
    return Average(mix["carbon_intensity"], mix["year"]) if mix.get("carbon_intensity") else None


@cache
def regions(country_iso_code: str | None) -> dict[str, Average]:
    """Averages of the regions of a country, by lower-case English name; empty if none are published."""
    match country_iso_code:
        case "US":
            states = _data("2023/usa_emissions.json")
            return {
                name: Average(state["emissions"] * G_PER_LB / KWH_PER_MWH, states["_source"]["year"])
                for name, state in states.items()
                if len(state.get("regionCode", "")) == 2  # neither the notes nor the country itself
            }
        case "CA":
            return {name: _province(mix) for name, mix in _data("2023/canada_energy_mix.json").items()}
        case "CN":
            found = _data("2023/china_provincial_emissions.json")
            year = found["metadata"]["year"]
            provinces = found["data"].values()
            return {name: Average(each["emission_factor"], year) for each in provinces for name in each["names"]}
        case "SE" | "NO" | "FI":
            zones = _data("nordic_emissions.json")["data"].items()
            return {
                name.lower(): Average(zone["emission_factor"], zone["year"])
                for name, zone in zones
                if name.startswith(country_iso_code)
            }
    return {}


@cache
def find_region(country_iso_code: str | None, region: str | None) -> Average | None:
    """Average of a region within its country.

    Args:
        country_iso_code: two letters.
        region: English name, with or without accents, or code of ISO 3166-2: `Québec`, `QC` or `CA-QC`.
    """
    known = regions(country_iso_code)
    if not known or not region:
        return None
    name = _plain(region)
    if name not in known and len(name) <= len("ca-qc"):
        import pycountry

        code = name.removeprefix(f"{country_iso_code}-".lower())
        name = _plain(getattr(pycountry.subdivisions.get(code=f"{country_iso_code}-{code}".upper()), "name", ""))
    while name and name not in known:  # "Nei Mongol Zizhiqu", "Hebei Province"
        name = name.rpartition(" ")[0] if country_iso_code == "CN" else ""
    return known.get(name)


def _province(mix: dict[str, float]) -> Average:
    factors = _data("carbon_intensity_per_source.json")
    return Average(
        sum(mix[source] * g_per_kwh for source, g_per_kwh in COMBUSTION.items()) / mix["total"],
        2023,  # from the name of the folder
        sum(mix[IN_CANADA.get(source, source)] * factors[source] for source in LIFE_CYCLE) / mix["total"],
    )


def _plain(name: str) -> str:
    """Lower case, without accents, as in the data."""
    return " ".join(unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().split())


@cache
def _data(name: str) -> dict[str, Any]:
    path = distribution("codecarbon").locate_file(f"codecarbon/data/private_infra/{name}")
    return dict(json.loads(Path(str(path)).read_text(encoding="utf-8")))
