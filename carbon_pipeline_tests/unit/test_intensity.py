from pathlib import Path

import pytest

from carbon_pipeline.common.country import all_countries, find_country
from carbon_pipeline.model import grid
from carbon_pipeline.probes.cloud import probe_cloud
from carbon_pipeline.probes.location import parse_answer, probe_location
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.intensity import find_intensity, intensity_now, plausible_range


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ({"configured_g_per_kwh": 12.0, "country_iso_code": "FR"}, "configured"),
        ({"configured_g_per_kwh": 0.0}, "configured"),
        ({"country_iso_code": "FR"}, "country_average"),
        ({"country_iso_code": "FR", "region": "Bretagne"}, "country_average"),
        ({"country_iso_code": "US", "region": "California"}, "region_average"),
        ({"country_iso_code": "CA", "region": "Québec"}, "region_average"),
        ({"country_iso_code": "US", "region": "Nowhere"}, "country_average"),
        ({"country_iso_code": "US", "region": "Québec"}, "country_average"),
        ({"country_iso_code": "US", "region": "QC"}, "country_average"),
        ({"country_iso_code": "CA", "region": "California"}, "country_average"),
        ({"country_iso_code": "US", "region": "usa"}, "country_average"),
        ({"country_iso_code": "XK"}, "world_average"),
        ({"country_iso_code": "XK", "region": "Prishtina"}, "world_average"),
        ({"country_iso_code": "AQ"}, "world_average"),
        ({}, "world_average"),
        ({"cloud_provider": "gcp", "cloud_region": "europe-west9"}, "cloud_region"),
        ({"cloud_provider": "aws", "cloud_region": "eu-west-3", "country_iso_code": "FR"}, "country_average"),
        ({"cloud_provider": "ovh", "cloud_region": "gra"}, "world_average"),
    ],
)
def test_the_intensity_has_its_source(place: dict[str, str], source: str) -> None:
    assert find_intensity(**place).source == source  # type: ignore[arg-type]


def test_france_is_not_the_world_and_the_world_not_zero() -> None:
    assert find_intensity(country_iso_code="FR").g_per_kwh == pytest.approx(56, abs=10)
    assert find_intensity().g_per_kwh == pytest.approx(480.6, abs=0.1)  # Ember and Our World in Data: 481 in 2023


def test_every_country_has_an_intensity_that_is_possible() -> None:
    for country in all_countries():
        found = find_intensity(country_iso_code=country.alpha_2)
        assert 0 < found.g_per_kwh < 1500, country
        assert (found.source == "world_average") == (found == find_intensity()), country


def test_country_averages_are_those_of_codecarbon() -> None:
    """Our own reading of its data file spares a new process the import of pandas; it must not differ."""
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    emissions, kwh = Emissions(DataSource()), Energy.from_energy(kWh=1)
    for country in all_countries():
        found = find_intensity(country_iso_code=country.alpha_2)
        if found.source == "country_average":
            geo = GeoMetadata(country.alpha_3, country_name=country.name)
            assert found.g_per_kwh == pytest.approx(emissions.get_country_emissions(kwh, geo) * 1000), country


@pytest.mark.parametrize(
    ("country", "code", "name"),
    [
        ("CA", "QC", "Québec"),
        ("CA", "ca-qc", "quebec"),
        ("US", "CA", "California"),
        ("US", "DC", "District of Columbia"),
        ("CN", "BJ", "Beijing"),
        ("CN", "NM", "Nei Mongol Zizhiqu"),
    ],
)
def test_the_code_of_a_region_is_understood_as_its_name(country: str, code: str, name: str) -> None:
    by_code, by_name = (find_intensity(country_iso_code=country, region=region) for region in (code, name))
    assert by_code == by_name
    assert by_code.source == "region_average"


def test_region_averages_are_those_of_codecarbon() -> None:
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    emissions, kwh = Emissions(DataSource()), Energy.from_energy(kWh=1)
    for country in ("US", "CA", "CN", "SE", "NO", "FI"):
        for name, average in grid.regions(country).items():
            geo = GeoMetadata(find_country(country).alpha_3, region=name)
            assert average.g_per_kwh == pytest.approx(emissions.get_region_emissions(kwh, geo) * 1000), name


def test_kosovo_raises_nothing(tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path, country_iso_code="XKX", region="Prishtina")
    location = probe_location(settings)
    assert (location.country_iso_code, location.country_name) == ("XK", "Kosovo")
    assert intensity_now(settings, location, probe_cloud(settings)).source == "world_average"
    assert parse_answer({"status": "success", "countryCode": "XK"}).country_iso_code == "XK"
    assert plausible_range("XK")[0] == 0


@pytest.mark.parametrize(
    ("place", "year"),
    [
        ({"country_iso_code": "FR"}, 2023),
        ({"country_iso_code": "US", "region": "California"}, 2023),
        ({"country_iso_code": "SE", "region": "SE3"}, 2025),
        ({}, 2023),
        ({"configured_g_per_kwh": 1.0}, None),
    ],
)
def test_the_year_of_an_average_is_known(place: dict[str, str], year: int | None) -> None:
    assert find_intensity(**place).year == year  # type: ignore[arg-type]
